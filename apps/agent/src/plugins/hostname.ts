import { constants } from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import type { Machine } from '../machine/machine.ts';
import { resolveOwner } from '../ownership/owner.ts';
import { oneLine, stepInvalid } from '../step-error.ts';
import { explainFileError } from '../system-file/link-target.ts';
import { writeSystemFile } from '../system-file/write-system-file.ts';
import { definePlugin } from './plugin.ts';

const KERNEL_FILE = '/proc/sys/kernel/hostname';
/** HOST_NAME_MAX of Linux. */
const MAX_LENGTH = 64;
const LABEL = /^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/;

/** Names the machine: in the kernel, in /etc/hostname, and in /etc/hosts, so that its own name resolves. */
export const hostname = definePlugin({
  key: 'hostname',
  actions: (config) => {
    if (config === '') return [];
    return [
      {
        summary: `set host name ${oneLine(config)}`,
        run: async (machine) => {
          const name = (await machine.render(config)).trim();
          refuseBadName(name);
          const attributes = { mode: 0o644, owner: await resolveOwner(machine, {}) };
          const hosts = await readFile(machine.locate('/etc/hosts'), 'utf8').catch(() => '');
          const changes = [
            await writeSystemFile(machine, '/etc/hostname', `${name}\n`, attributes),
            await writeSystemFile(machine, '/etc/hosts', nameInHosts(hosts, name), attributes),
            await setKernelName(machine, name),
          ];
          return { changed: changes.includes(true) };
        },
      },
    ];
  },
});

/** RFC 1123, section 2.1; throws AgentError STEP_INVALID. */
function refuseBadName(name: string): void {
  if (name.length <= MAX_LENGTH && name.split('.').every((label) => LABEL.test(label))) return;
  throw stepInvalid(
    `${JSON.stringify(oneLine(name))} is no host name`,
    `Labels have letters, digits and hyphens inside, at most 63 of them; the whole at most ${MAX_LENGTH}.`,
  );
}

async function setKernelName(machine: Machine, name: string): Promise<boolean> {
  const path = machine.locate(KERNEL_FILE);
  const current = await readFile(path, 'utf8').catch(() => undefined);
  // Where /proc is not mounted, as when an image is prepared, there is no kernel to tell.
  if (current === undefined || current.trim() === name) return false;
  try {
    const file = await open(path, constants.O_WRONLY | constants.O_TRUNC);
    try {
      await file.writeFile(`${name}\n`);
    } finally {
      await file.close();
    }
  } catch (error) {
    throw explainFileError(error, KERNEL_FILE);
  }
  return true;
}

/** hosts(5) in which `name` is this machine: on the line of 127.0.1.1 where there is one (Debian), else of 127.0.0.1. */
export function nameInHosts(text: string, name: string): string {
  const short = name.split('.')[0] ?? name;
  const names = short === name ? [name] : [name, short];
  const lines = text.split('\n').map((line) => line.trimEnd());
  while (lines.at(-1) === '') lines.pop();
  const at = ['127.0.1.1', '127.0.0.1']
    .map((address) => lines.findIndex((line) => line.split(/\s+/)[0] === address))
    .find((index) => index >= 0);
  if (at === undefined) return `${['127.0.0.1 ' + ['localhost', ...names].join(' '), ...lines].join('\n')}\n`;
  const [entry = '', ...comment] = (lines[at] ?? '').split('#');
  const [address = '', ...old] = entry.trim().split(/\s+/);
  // The old names of the machine go; those of the loopback stay.
  const kept = old.filter((word) => /^(localhost|ip6-)/.test(word) && !names.includes(word));
  const local = address === '127.0.0.1' && !kept.includes('localhost') ? ['localhost', ...kept] : kept;
  const line = [address, ...local, ...names, ...(comment.length > 0 ? [`#${comment.join('#')}`] : [])].join(' ');
  return `${lines.with(at, line).join('\n')}\n`;
}
