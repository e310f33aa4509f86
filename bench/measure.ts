import { existsSync, mkdirSync, readFileSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { nodeHost, type ProcessSpec } from '@bowline/host';

/** CPU seconds and peak memory of one run, all of its processes together. */
export interface Sample {
  cpuSeconds: number;
  /** Sum of the resident sizes of all processes at the worst moment; pages they share are counted for each. */
  peakBytes: number;
  wallSeconds: number;
  stdout: string;
}

const POLL_MS = 50;
const PAGE_BYTES = 4096;
const TIMEOUT_MS = 30 * 60_000;
/** Where cgroup v2 is mounted; the second where v1 is beside it. */
const CGROUP_ROOTS = ['/sys/fs/cgroup', '/sys/fs/cgroup/unified'];
/** Puts itself into a control group and becomes the command. */
const ENTER = 'echo $$ >"$1/cgroup.procs"; shift; exec "$@"';

/**
 * Runs a command to its end in a control group of its own and tells what it cost. Times of waited-for children would not do:
 * bubblewrap does not wait for the first process of its namespace. Needs root, or a delegated control group.
 */
export async function measure(spec: Omit<ProcessSpec, 'timeoutMs'>): Promise<Sample> {
  const group = makeGroup();
  let peakBytes = 0;
  const poll = setInterval(() => {
    peakBytes = Math.max(peakBytes, residentBytes(group));
  }, POLL_MS);
  const startMs = performance.now();
  try {
    const argv = ['sh', '-c', ENTER, 'sh', group, ...spec.argv] as const;
    const { stdout } = await nodeHost().processes.run({ ...spec, argv: [...argv], timeoutMs: TIMEOUT_MS });
    const wallSeconds = (performance.now() - startMs) / 1000;
    return { cpuSeconds: cpuSecondsOf(group), peakBytes, wallSeconds, stdout: new TextDecoder().decode(stdout) };
  } finally {
    clearInterval(poll);
    await removeGroup(group);
  }
}

function makeGroup(): string {
  const root = CGROUP_ROOTS.find((folder) => existsSync(join(folder, 'cgroup.procs')));
  if (root === undefined) throw new Error('CPU time is measured with cgroup v2, and this machine has none mounted');
  const own = /^0::(.*)$/m.exec(readFileSync('/proc/self/cgroup', 'latin1'))?.[1] ?? '/';
  const group = join(root, own, `bowline-bench-${process.pid}-${performance.now().toFixed(0)}`);
  mkdirSync(group);
  return group;
}

/** A group can go when its last process is gone, which may take a moment after the command has ended. */
async function removeGroup(group: string): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      rmdirSync(group);
      return;
    } catch (error) {
      if (tries === 100) throw error;
      await setTimeout(POLL_MS);
    }
  }
}

/** `usage_usec` of cpu.stat: user and system time of all that ever ran in the group (Linux, cgroup-v2, "CPU Interface Files"). */
function cpuSecondsOf(group: string): number {
  const usage = /^usage_usec (\d+)$/m.exec(readFileSync(join(group, 'cpu.stat'), 'latin1'))?.[1];
  if (usage === undefined) throw new Error(`${group} does not tell its CPU time`);
  return Number(usage) / 1e6;
}

function residentBytes(group: string): number {
  let sum = 0;
  for (const pid of readQuietly(join(group, 'cgroup.procs')).split('\n').filter(Boolean)) {
    // The second number of statm (proc(5)): resident pages.
    sum += Number(readQuietly(`/proc/${pid}/statm`).split(' ')[1] ?? 0) * PAGE_BYTES;
  }
  return sum;
}

/** A process that has ended meanwhile has nothing to tell. */
function readQuietly(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}

/** The middle one by CPU time. */
export function median(samples: readonly Sample[]): Sample {
  const sorted = samples.toSorted((a, b) => a.cpuSeconds - b.cpuSeconds);
  const middle = sorted[Math.floor(sorted.length / 2)];
  if (middle === undefined) throw new Error('no samples');
  return { ...middle, peakBytes: Math.max(...samples.map((sample) => sample.peakBytes)) };
}
