import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AgentError } from '../error.ts';
import type { Machine } from '../machine/machine.ts';

const FOLDER = '/run/bowline/userdata';
const TIMEOUT_MS = 30 * 60_000;

/**
 * Runs scripts of user data one after the other with the interpreter of their first line; all run, whatever becomes of
 * the others. Their output is dropped: it may hold secrets.
 *
 * @throws AgentError STEP_FAILED with the numbers of those that failed.
 */
export async function runScripts(machine: Machine, scripts: readonly string[]): Promise<void> {
  const failed: number[] = [];
  const folder = machine.locate(FOLDER);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  try {
    for (const [index, script] of scripts.entries()) {
      const path = join(folder, `script-${index + 1}`);
      await writeFile(path, script, { mode: 0o700 });
      if (!(await runScript(machine, script, path))) failed.push(index + 1);
      machine.signal.throwIfAborted();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  if (failed.length === 0) return;
  throw new AgentError({
    code: 'STEP_FAILED',
    message: `Of the ${scripts.length} scripts of the user data, number ${failed.join(', ')} failed.`,
    hint: 'They are not run again for this instance; run them by hand, or give the machine a new instance ID.',
  });
}

async function runScript(machine: Machine, script: string, path: string): Promise<boolean> {
  const [, interpreter, argument] = /^#![ \t]*(\S+)(?:[ \t]+([^\n]*\S))?/.exec(script) ?? [];
  if (interpreter === undefined) return false;
  const ignore = { kind: 'chunks', onChunk: () => undefined } as const;
  try {
    await machine.processes.run({
      // By its interpreter: /run may be mounted noexec.
      argv: [interpreter, ...(argument === undefined ? [] : [argument]), path],
      name: 'a script of the user data',
      stdout: ignore,
      stderr: ignore,
      timeoutMs: TIMEOUT_MS,
      signal: machine.signal,
    });
    return true;
  } catch {
    return false;
  }
}
