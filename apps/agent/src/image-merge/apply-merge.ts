import { chmod, lchown, lstat, mkdir, rename, rm, rmdir, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { STATE_FOLDER } from '@bowline/os-layout';
import type { Machine } from '../machine/machine.ts';
import { runProgram } from '../machine/run-program.ts';
import type { MergeAction } from './plan-merge.ts';

/** New files wait here until all of them are on the disk; on the file system of the state. */
const STAGING_FOLDER = `${STATE_FOLDER}/.bowline/merge`;
const COPY_TIMEOUT_MS = 600_000;

/**
 * Carries out a plan. Everything new is copied and made durable first, then each name changes by one rename: after a power
 * cut the same plan can be made and carried out again. Throws AgentError PROGRAM_MISSING | STEP_FAILED | STEP_TIMEOUT.
 */
export async function applyMerge(machine: Machine, imageRoot: string, actions: readonly MergeAction[]): Promise<void> {
  const state = machine.locate(STATE_FOLDER);
  const staging = machine.locate(STAGING_FOLDER);
  await rm(staging, { recursive: true, force: true });
  if (actions.length === 0) return;
  await mkdir(staging, { recursive: true, mode: 0o700 });
  const copies = actions.filter(({ kind }) => kind === 'add' || kind === 'replace');
  for (const [index, { path }] of copies.entries()) {
    // The base's own cp keeps capabilities and labels, which Node cannot.
    const args = ['-a', join(imageRoot, path), join(staging, String(index))];
    await runProgram(machine, 'cp', args, { timeoutMs: COPY_TIMEOUT_MS });
  }
  await flush(machine);
  for (const [index, { path }] of copies.entries()) {
    await mkdir(dirname(join(state, path)), { recursive: true });
    await replaceName(join(staging, String(index)), join(state, path));
  }
  for (const action of actions) {
    const path = join(state, action.path);
    if (action.kind === 'own') {
      await lchown(path, action.entry.uid, action.entry.gid);
      await chmod(path, action.entry.mode);
    } else if (action.kind === 'remove') {
      await (action.folder ? rmdir(path).catch(ignoreFull) : unlink(path));
    }
  }
  await rm(staging, { recursive: true, force: true });
  await flush(machine);
}

/** A folder takes no other name's place by itself. */
async function replaceName(from: string, to: string): Promise<void> {
  if ((await lstat(from)).isDirectory()) await rm(to, { force: true });
  await rename(from, to);
}

async function flush(machine: Machine): Promise<void> {
  await runProgram(machine, 'sync', [], { timeoutMs: COPY_TIMEOUT_MS });
}

/** A folder in which the machine has put something stays. */
function ignoreFull(error: unknown): void {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code !== 'ENOTEMPTY' && code !== 'EEXIST' && code !== 'ENOENT' && code !== 'EBUSY') throw error;
}
