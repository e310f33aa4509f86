import { isMainThread } from 'node:worker_threads';
import type { Host } from './host.ts';
import { NodeProcesses } from './node-processes.ts';

const UMASK = 0o022;

/**
 * The real machine. Sets this process's umask to 022, so that no file of this program or of a child of it
 * depends on who started it.
 */
export function nodeHost(): Host {
  if (isMainThread) process.umask(UMASK);
  return {
    processes: new NodeProcesses(),
    clock: { now: () => new Date() },
    fetch: globalThis.fetch,
    env: process.env,
    isRoot: process.geteuid?.() === 0,
  };
}
