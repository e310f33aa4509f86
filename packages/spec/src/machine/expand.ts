import type { MachineConfig } from './schema.ts';
import type { Step } from './step.ts';

type Stages = Record<string, Step[]>;

/**
 * The keys of cloud-init as steps of stages:
 *
 * | key | stage |
 * |---|---|
 * | `hostname`, `users` and keys written in full | `initramfs`, so that they are there before any service starts |
 * | keys to fetch (`github:`, `gitlab:`, URLs) | `network` |
 * | `growpart`, `write_files`, `milpa_files`, `runcmd` | `boot`, in this order |
 */
export function expandCloudInit(config: MachineConfig): Stages {
  const stages: Stages = {};
  const add = (stage: string, step: Step): void => {
    (stages[stage] ??= []).push(step);
  };
  if (config.hostname) add('initramfs', { name: 'hostname', hostname: config.hostname });
  addAccounts(config, add);
  const { mode, devices } = config.growpart ?? {};
  if (mode !== 'off' && mode !== false) {
    for (const path of devices ?? []) {
      add('boot', { name: `growpart ${path}`, layout: { device: { path }, expand_partition: { size: 0 } } });
    }
  }
  for (const key of ['write_files', 'milpa_files'] as const) {
    const files = config[key]?.map(({ owner, ...file }) => ({
      ...file,
      ...(owner === undefined || owner === '' ? {} : { ownerstring: owner }),
    }));
    if (files && files.length > 0) add('boot', { name: key, files });
  }
  if (config.runcmd && config.runcmd.length > 0) add('boot', { name: 'runcmd', commands: config.runcmd });
  return stages;
}

function addAccounts(config: MachineConfig, add: (stage: string, step: Step) => void): void {
  // Names are hostile too: `constructor` must be a name like any other.
  const users = new Map<string, NonNullable<Step['users']>[string]>();
  const local = new Map<string, string[]>();
  const remote = new Map<string, string[]>();
  const shared = config.ssh_authorized_keys ?? [];
  const addKeys = (name: string, keys: readonly string[]): void => {
    for (const key of keys) {
      const into = mustBeFetched(key) ? remote : local;
      const known = into.get(name) ?? [];
      if (!known.includes(key)) into.set(name, [...known, key]);
    }
  };
  for (const { ssh_authorized_keys: own, ...user } of config.users ?? []) {
    users.set(user.name, { ...users.get(user.name), ...user });
    addKeys(user.name, [...(own ?? []), ...shared]);
  }
  if ((config.users ?? []).length === 0) addKeys('root', shared);
  const step: Step = { name: 'users' };
  if (users.size > 0) step.users = Object.fromEntries(users);
  if (local.size > 0) step.authorized_keys = Object.fromEntries(local);
  if (step.users || step.authorized_keys) add('initramfs', step);
  if (remote.size > 0) add('network', { name: 'ssh_authorized_keys', authorized_keys: Object.fromEntries(remote) });
}

/** Whether a line of authorized keys is a place to fetch keys from. */
export function mustBeFetched(key: string): boolean {
  return /^(github|gitlab|https?):/i.test(key);
}
