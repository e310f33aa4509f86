import { describe, expect, it } from 'vitest';
import { FakeProcesses } from './fake-processes.ts';
import { NodeProcesses } from './node-processes.ts';
import { processOutput } from './process-output.ts';
import type { Processes } from './processes.ts';

/** The few programs the contract is stated with, made up: they behave like the real ones of those names. */
function fakes(): Processes {
  return new FakeProcesses({
    echo: (args) => ({ stdout: `${args.join(' ')}\n` }),
    cat: (_args, input) => ({ stdout: input }),
    false: () => ({ exitCode: 1 }),
    ls: ([path]) => ({ exitCode: 2, stderr: `ls: cannot access '${path}': No such file or directory\n` }),
    sleep: ([seconds]) => ({ takesMs: Number(seconds) * 1000 }),
    env: (_args, _input, env) => ({
      stdout: Object.entries(env)
        .map(([k, v]) => `${k}=${v}\n`)
        .join(''),
    }),
  });
}

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString();

describe.each<[string, () => Processes]>([
  ['NodeProcesses', () => new NodeProcesses()],
  ['FakeProcesses', fakes],
])('%s keeps the contract of Processes', (_name, make) => {
  it('captures standard output', async () => {
    const result = await make().run({ argv: ['echo', 'a b', '$HOME'], timeoutMs: 5000 });
    expect(result).toMatchObject({ exitCode: 0, stderrTail: '' });
    expect(text(result.stdout)).toBe('a b $HOME\n');
  });

  it('hands chunks on, and captures nothing then', async () => {
    const chunks: Uint8Array[] = [];
    const result = await make().run({
      argv: ['echo', 'hello'],
      stdout: { kind: 'chunks', onChunk: (chunk) => void chunks.push(chunk) },
      timeoutMs: 5000,
    });
    expect(text(Buffer.concat(chunks))).toBe('hello\n');
    expect(result.stdout).toHaveLength(0);
  });

  it('feeds standard input from bytes and from a stream', async () => {
    const bytes = Buffer.from('some input');
    const fromBytes = await make().run({ argv: ['cat'], stdin: { kind: 'bytes', bytes }, timeoutMs: 5000 });
    expect(text(fromBytes.stdout)).toBe('some input');
    async function* stream() {
      yield bytes.subarray(0, 4);
      yield bytes.subarray(4);
    }
    const fromStream = await make().run({
      argv: ['cat'],
      stdin: { kind: 'stream', stream: stream() },
      timeoutMs: 5000,
    });
    expect(text(fromStream.stdout)).toBe('some input');
  });

  it('gives an empty standard input unless told otherwise', async () => {
    expect((await make().run({ argv: ['cat'], timeoutMs: 5000 })).stdout).toHaveLength(0);
  });

  it('passes the environment it is given', async () => {
    const { stdout } = await make().run({ argv: ['env'], env: { GREETING: 'hello' }, timeoutMs: 5000 });
    expect(text(stdout)).toContain('GREETING=hello\n');
  });

  it('fails with PROCESS_FAILED, the exit code and the end of standard error', async () => {
    const failure = await make()
      .run({ argv: ['ls', '/nowhere'], timeoutMs: 5000 })
      .catch((error) => error);
    expect(failure).toMatchObject({ code: 'PROCESS_FAILED', details: { argv: ['ls', '/nowhere'], exitCode: 2 } });
    expect(failure.message).toContain('No such file or directory');
  });

  it('takes other exit codes as success when told so', async () => {
    const result = await make().run({ argv: ['false'], okExitCodes: [0, 1], timeoutMs: 5000 });
    expect(result.exitCode).toBe(1);
  });

  it('fails with PROCESS_NOT_FOUND for a program that is not there', async () => {
    await expect(make().run({ argv: ['no-such-program-anywhere'], timeoutMs: 5000 })).rejects.toMatchObject({
      code: 'PROCESS_NOT_FOUND',
    });
  });

  it('fails with PROCESS_TIMEOUT when the time is up', async () => {
    await expect(make().run({ argv: ['sleep', '30'], timeoutMs: 50 })).rejects.toMatchObject({
      code: 'PROCESS_TIMEOUT',
    });
  });

  it('fails with ABORTED, before and while it runs', async () => {
    const aborted = { argv: ['sleep', '30'] as const, timeoutMs: 60_000 };
    await expect(make().run({ ...aborted, signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'ABORTED' });
    await expect(make().run({ ...aborted, signal: AbortSignal.timeout(50) })).rejects.toMatchObject({
      code: 'ABORTED',
    });
  });

  it('fails with OUTPUT_TOO_LARGE beyond the limit', async () => {
    await expect(
      make().run({ argv: ['echo', 'x'.repeat(100)], maxCaptureBytes: 10, timeoutMs: 5000 }),
    ).rejects.toMatchObject({ code: 'OUTPUT_TOO_LARGE' });
  });

  it('starts processes that are talked to, and kills them', async () => {
    const running = make().spawn({ argv: ['cat'], timeoutMs: 5000 });
    running.stdin.write(Buffer.from('hello'));
    running.stdin.end();
    expect(text(Buffer.concat(await Array.fromAsync(running.output)))).toBe('hello');
    expect((await running.exited).exitCode).toBe(0);
    const sleeping = make().spawn({ argv: ['sleep', '30'], timeoutMs: 60_000 });
    await sleeping.kill();
    expect((await sleeping.exited).exitCode).not.toBe(0);
  });

  it('streams output that ends in an error when the program fails', async () => {
    const good = processOutput(make(), { argv: ['echo', 'hello'], timeoutMs: 5000 });
    expect(text(Buffer.concat(await Array.fromAsync(good)))).toBe('hello\n');
    const bad = processOutput(make(), { argv: ['ls', '/nowhere'], timeoutMs: 5000 });
    await expect(Array.fromAsync(bad)).rejects.toMatchObject({ code: 'PROCESS_FAILED' });
    await expect(
      Array.fromAsync(processOutput(make(), { argv: ['sleep', '30'], timeoutMs: 50 })),
    ).rejects.toMatchObject({ code: expect.stringMatching(/PROCESS_TIMEOUT|PROCESS_FAILED/) });
  });
});
