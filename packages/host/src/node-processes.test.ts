import { readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { NodeProcesses } from './node-processes.ts';

const processes = new NodeProcesses();
const NODE = process.execPath;

/** Runs a program that prints its pids: a shell's and its grandchild's. */
const GRANDCHILD = ['sh', '-c', 'sleep 60 & echo $$ $!; wait'] as const;

function isAlive(pid: number): boolean {
  try {
    // A zombie has ended; it only waits for its parent to look.
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return false;
  }
}

async function untilGone(pids: readonly number[]): Promise<boolean> {
  for (let tries = 0; tries < 100; tries++) {
    if (!pids.some(isAlive)) return true;
    await sleep(20);
  }
  return false;
}

describe('NodeProcesses.run', () => {
  it('gives the child nothing of this environment but PATH and HOME', async () => {
    process.env['BOWLINE_SECRET_FOR_TEST'] = 'leak';
    const { stdout } = await processes.run({ argv: ['env'], env: { EXTRA: '1' }, timeoutMs: 5000 });
    delete process.env['BOWLINE_SECRET_FOR_TEST'];
    const names = Buffer.from(stdout)
      .toString()
      .trim()
      .split('\n')
      .map((line) => line.split('=')[0]);
    expect(names.toSorted((a, b) => String(a).localeCompare(String(b)))).toEqual([
      'EXTRA',
      'HOME',
      'LANG',
      'PATH',
      'TZ',
    ]);
  });

  it('kills grandchildren on time-out', async () => {
    const pids: number[] = [];
    const run = processes.run({
      argv: GRANDCHILD,
      timeoutMs: 300,
      stdout: {
        kind: 'chunks',
        onChunk: (chunk) => void pids.push(...String(Buffer.from(chunk)).trim().split(' ').map(Number)),
      },
    });
    await expect(run).rejects.toMatchObject({ code: 'PROCESS_TIMEOUT' });
    expect(pids).toHaveLength(2);
    expect(await untilGone(pids)).toBe(true);
  });

  it('kills a child that ignores SIGTERM after the grace time', async () => {
    const started = performance.now();
    await expect(
      processes.run({ argv: ['sh', '-c', 'trap "" TERM; while :; do sleep 1; done'], timeoutMs: 100 }),
    ).rejects.toMatchObject({ code: 'PROCESS_TIMEOUT' });
    expect(performance.now() - started).toBeLessThan(8000);
  });

  it('lets daemons live that a child may leave, and waits for none of their pipes', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'bowline-daemon-'));
    const file = join(folder, 'pid');
    const startedMs = performance.now();
    const run = processes.run({
      argv: ['sh', '-c', `sleep 60 & echo $! > ${file}`],
      mayLeaveDaemons: true,
      timeoutMs: 5000,
    });
    expect(await run).toMatchObject({ exitCode: 0, stderrTail: '' });
    expect(performance.now() - startedMs).toBeLessThan(3000);
    const pid = Number(await readFile(file, 'utf8'));
    expect(isAlive(pid)).toBe(true);
    process.kill(pid);
    await rm(folder, { recursive: true });
  });

  it('kills all of a child that may leave daemons when its time is up', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'bowline-daemon-'));
    const file = join(folder, 'pid');
    const argv = ['sh', '-c', `(trap '' TERM; sleep 60) & echo $! > ${file}; wait`] as const;
    await expect(processes.run({ argv, mayLeaveDaemons: true, timeoutMs: 300 })).rejects.toThrow(/within 0.3 s/);
    expect(await untilGone([Number(await readFile(file, 'utf8'))])).toBe(true);
    await rm(folder, { recursive: true });
  });

  it('kills what a child that ended by itself left behind', async () => {
    const { stdout } = await processes.run({
      argv: ['sh', '-c', 'sleep 60 >/dev/null 2>&1 & echo $!'],
      timeoutMs: 5000,
    });
    expect(await untilGone([Number(Buffer.from(stdout).toString())])).toBe(true);
  });

  it('pushes 100 MB through standard input no faster than the child reads', async () => {
    const total = 100;
    let made = 0;
    let taken = 0;
    let furthestAhead = 0;
    async function* source() {
      for (; made < total; made++) {
        furthestAhead = Math.max(furthestAhead, made - taken);
        yield new Uint8Array(2 ** 20).fill(made);
      }
    }
    let bytes = 0;
    await processes.run({
      argv: ['cat'],
      stdin: { kind: 'stream', stream: source() },
      stdout: {
        kind: 'chunks',
        onChunk: (chunk) => {
          bytes += chunk.length;
          taken = Math.floor(bytes / 2 ** 20);
        },
      },
      timeoutMs: 20_000,
    });
    expect(bytes).toBe(total * 2 ** 20);
    expect(furthestAhead).toBeLessThan(8);
  });

  it('stops asking an endless source when the child has read enough', async () => {
    let closed = false;
    async function* endless() {
      try {
        for (;;) yield new Uint8Array(2 ** 16);
      } finally {
        closed = true;
      }
    }
    const { stdout } = await processes.run({
      argv: ['head', '-c', '10'],
      stdin: { kind: 'stream', stream: endless() },
      timeoutMs: 5000,
    });
    expect(stdout).toHaveLength(10);
    expect(closed).toBe(true);
  });

  it('throws the error of a source that breaks, and kills the child', async () => {
    async function* broken() {
      yield new Uint8Array(10);
      throw new Error('the layer is damaged');
    }
    await expect(
      processes.run({ argv: ['cat'], stdin: { kind: 'stream', stream: broken() }, timeoutMs: 5000 }),
    ).rejects.toThrow('the layer is damaged');
  });

  it('keeps the end of a long standard error, and names a full disk', async () => {
    const script = `console.error('write: No space left on device');for (let i = 0; i < 9000; i++) console.error('cleaning up', i);process.exitCode = 3`;
    const failure = await processes.run({ argv: [NODE, '-e', script], timeoutMs: 10_000 }).catch((error) => error);
    expect(failure.code).toBe('PROCESS_FAILED');
    expect(failure.details.exitCode).toBe(3);
    expect(failure.details.stderrTail.length).toBeLessThanOrEqual(64 * 1024);
    expect(failure.message).toContain('cleaning up 8999');
    const short = await processes
      .run({
        argv: ['sh', '-c', 'echo "tar: No space left on device" >&2; echo a >&2; echo b >&2; echo c >&2; exit 2'],
        timeoutMs: 5000,
      })
      .catch((error) => error);
    expect(short.message).toContain('No space left on device');
    expect(short.hint).toContain('disk is full');
  });

  it('writes output into a file with a mode that does not depend on the umask', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'bowline-'));
    try {
      const path = join(folder, 'out');
      await processes.run({ argv: ['echo', 'hello'], stdout: { kind: 'file', path }, timeoutMs: 5000 });
      expect(await readFile(path, 'utf8')).toBe('hello\n');
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('leaves the mode of a device alone when output goes there', async () => {
    const { mode } = await stat('/dev/null');
    await processes.run({ argv: ['echo', 'hello'], stdout: { kind: 'file', path: '/dev/null' }, timeoutMs: 5000 });
    expect((await stat('/dev/null')).mode).toBe(mode);
  });

  it('dies with a parent that is killed with SIGKILL', async () => {
    const script = `
      import { NodeProcesses } from ${JSON.stringify(new URL('./node-processes.ts', import.meta.url).href)};
      const running = new NodeProcesses().spawn({ argv: ['sleep', '60'], timeoutMs: 60000 });
      process.stdout.write(running.pid + '\\n');
      await running.exited;`;
    const parent = processes.spawn({ argv: [NODE, '--input-type=module', '-e', script], timeoutMs: 20_000 });
    let child = 0;
    for await (const chunk of parent.output) {
      child = Number(Buffer.from(chunk).toString());
      break;
    }
    expect(isAlive(child)).toBe(true);
    process.kill(parent.pid, 'SIGKILL');
    expect(await untilGone([child])).toBe(true);
  });
});
