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
  const users: NonNullable<Step['users']> = {};
  const local: Record<string, string[]> = {};
  const remote: Record<string, string[]> = {};
  const shared = config.ssh_authorized_keys ?? [];
  const addKeys = (name: string, keys: readonly string[]): void => {
    for (const key of new Set(keys)) {
      const into = mustBeFetched(key) ? remote : local;
      const list = (into[name] ??= []);
      if (!list.includes(key)) list.push(key);
    }
  };
  for (const { ssh_authorized_keys: own, ...user } of config.users ?? []) {
    users[user.name] = { ...users[user.name], ...user };
    addKeys(user.name, [...(own ?? []), ...shared]);
  }
  if ((config.users ?? []).length === 0) addKeys('root', shared);
  const step: Step = { name: 'users' };
  if (Object.keys(users).length > 0) step.users = users;
  if (Object.keys(local).length > 0) step.authorized_keys = local;
  if (step.users || step.authorized_keys) add('initramfs', step);
  if (Object.keys(remote).length > 0) add('network', { name: 'ssh_authorized_keys', authorized_keys: remote });
}

/** Whether a line of authorized keys is a place to fetch keys from. */
export function mustBeFetched(key: string): boolean {
  return /^(github|gitlab|https?):/i.test(key);
}
