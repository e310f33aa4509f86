import { constants } from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Machine } from '../machine/machine.ts';
import { oneLine, stepFailed, stepInvalid } from '../step-error.ts';
import { explainFileError } from '../system-file/link-target.ts';
import { definePlugin } from './plugin.ts';

/** Sets parameters of the running kernel below /proc/sys. */
export const sysctl = definePlugin({
  key: 'sysctl',
  actions: (config) =>
    Object.entries(config).map(([key, value]) => ({
      summary: `set ${oneLine(key)} = ${oneLine(value)}`,
      // A wrong name fails here and not above, so that the others are set all the same.
      run: async (machine: Machine) => ({ changed: await setParameter(machine, key, parameterPath(key), value) }),
    })),
});

/**
 * Path of a parameter. As with sysctl(8) the first separator decides: after a dot, dots separate and slashes stand for
 * dots (`net.ipv4.conf.eth0/1.forwarding`); after a slash it is the other way round. Throws AgentError STEP_INVALID.
 */
export function parameterPath(key: string): string {
  const isDotted = /^[^/]*\./.test(key);
  const path = isDotted ? key.replaceAll(/[./]/g, (character) => (character === '.' ? '/' : '.')) : key;
  const parts = path.split('/');
  if (parts.length < 2 || parts.some((part) => part === '' || part === '.' || part === '..' || /[\s\0]/.test(part))) {
    throw stepInvalid(
      `${JSON.stringify(oneLine(key))} is no name of a kernel parameter`,
      'Write it as net.ipv4.ip_forward.',
    );
  }
  return join('/proc/sys', path);
}

async function setParameter(machine: Machine, key: string, path: string, value: string): Promise<boolean> {
  const at = machine.locate(path);
  // Some parameters can only be written.
  const current = await readFile(at, 'utf8').catch(() => undefined);
  if (current !== undefined && sameWords(current, value)) return false;
  try {
    const file = await open(at, constants.O_WRONLY | constants.O_TRUNC);
    try {
      // One write: the kernel takes each as a whole value.
      await file.write(`${value}\n`);
    } finally {
      await file.close();
    }
  } catch (error) {
    throw explainRefusal(error, key, path);
  }
  return true;
}

function explainRefusal(error: unknown, key: string, path: string): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  const name = oneLine(key);
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    return stepFailed(
      `the kernel has no parameter ${name}`,
      'Check the name; some appear only once their module is loaded.',
      error,
    );
  }
  if (code === 'EISDIR') return stepFailed(`${name} is a group of parameters`, 'Name one of them.', error);
  if (code === 'EINVAL' || code === 'ERANGE')
    return stepFailed(`the kernel refuses the value of ${name}`, undefined, error);
  return explainFileError(error, path);
}

/** The kernel prints lists with tabs. */
function sameWords(a: string, b: string): boolean {
  return a.trim().split(/\s+/).join(' ') === b.trim().split(/\s+/).join(' ');
}
