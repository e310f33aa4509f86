import { lstat, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { withScratchFolder } from '@bowline/host';
import type { Machine } from '../machine/machine.ts';
import { runProgram } from '../machine/run-program.ts';
import { oneLine, stepInvalid } from '../step-error.ts';
import { definePlugin } from './plugin.ts';

/** Everything that systemd-firstboot(1) writes. */
const RESULTS = [
  '/etc/locale.conf',
  '/etc/vconsole.conf',
  '/etc/localtime',
  '/etc/hostname',
  '/etc/machine-id',
  '/etc/passwd',
  '/etc/shadow',
  '/etc/kernel/cmdline',
];

/** Options that would show a password to every user of the machine, and the credential that is read instead. */
const SECRETS: Readonly<Record<string, string>> = {
  'root-password': 'passwd.plaintext-password.root',
  'root-password-hashed': 'passwd.hashed-password.root',
};

/** Sets what systemd-firstboot(1) sets; what is set already stays. Keys are its options; the value `true` means no value. */
export const systemdFirstboot = definePlugin({
  key: 'systemd_firstboot',
  actions: (config) => {
    const settings = Object.entries(config).map(([key, value]): [string, string] => [key.toLowerCase(), value]);
    const bad = settings.find(([key, value]) => !/^[a-z][a-z-]*$/.test(key) || value.includes('\0'));
    if (bad !== undefined) throw stepInvalid(`${JSON.stringify(oneLine(bad[0]))} is no option of systemd-firstboot`);
    if (settings.length === 0) return [];
    const keys = settings.map(([key]) => key).toSorted();
    return [
      {
        summary: `run systemd-firstboot (${keys.join(', ')})`,
        run: async (machine) => {
          const before = await stateOfResults(machine);
          await runFirstboot(machine, settings);
          return { changed: (await stateOfResults(machine)) !== before };
        },
      },
    ];
  },
});

async function runFirstboot(machine: Machine, settings: readonly [string, string][]): Promise<void> {
  const args = settings
    .filter(([key]) => !(key in SECRETS))
    .map(([key, value]) => (value === 'true' ? `--${key}` : `--${key}=${value}`))
    .toSorted();
  const run = (env: Record<string, string>) =>
    runProgram(machine, 'systemd-firstboot', args, {
      env,
      keepQuiet: true,
      missingHint: 'Only bases with systemd have it; hostname, files and users can do the same.',
    });
  const secrets = settings.flatMap(([key, value]) =>
    SECRETS[key] === undefined ? [] : [[SECRETS[key], value] as const],
  );
  if (secrets.length === 0) {
    await run({});
    return;
  }
  const folder = machine.locate('/run/bowline');
  await mkdir(folder, { recursive: true });
  await withScratchFolder(folder, async (scratch) => {
    for (const [name, value] of secrets) await writeFile(join(scratch, name), value, { mode: 0o600 });
    await run({ CREDENTIALS_DIRECTORY: scratch });
  });
}

async function stateOfResults(machine: Machine): Promise<string> {
  const states = RESULTS.map(async (path) => {
    const stats = await lstat(machine.locate(path), { bigint: true }).catch(() => undefined);
    return stats === undefined ? '-' : `${stats.ino}.${stats.mtimeNs}.${stats.size}`;
  });
  return (await Promise.all(states)).join(' ');
}
