import { NodeProcesses, type RunningProcess } from '@bowline/host';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { GuestShell } from './guest-shell.ts';

const running: RunningProcess[] = [];

/** A shell as the initrd starts it, but on a pipe, or on a terminal that echoes and is not raw yet. */
function startShell(kind: 'pipe' | 'terminal'): GuestShell {
  const argv: [string, ...string[]] =
    kind === 'pipe' ? ['sh'] : ['script', '--quiet', '--return', '--command', 'sh -i', '/dev/null'];
  const shell = new NodeProcesses().spawn({ argv, timeoutMs: 60_000 });
  running.push(shell);
  return new GuestShell({ write: (chunk) => shell.stdin.write(chunk), output: shell.output });
}

const text = (output: Uint8Array) => new TextDecoder().decode(output);

afterEach(async () => {
  for (const shell of running.splice(0)) await shell.kill();
});

describe.each(['pipe', 'terminal'] as const)('GuestShell over a %s', (kind) => {
  it('returns output and exit code of a command as they are', async () => {
    const shell = startShell(kind);
    expect(await shell.run('echo one; echo two >&2; exit 3', { timeoutMs: 10_000 })).toEqual({
      exitCode: 3,
      output: new TextEncoder().encode('one\ntwo\n'),
    });
    expect(await shell.run('true', { timeoutMs: 10_000 })).toEqual({ exitCode: 0, output: new Uint8Array() });
    expect((await shell.run('kill -9 $$', { timeoutMs: 10_000 })).exitCode).toBe(137);
  });

  it('keeps quotes, several lines, and output without a line end', async () => {
    const shell = startShell(kind);
    const { output } = await shell.run(`printf '%s|' "it's" '"quoted"' \\$HOME '\`x\`'\nprintf 'second\tline'`, {
      timeoutMs: 10_000,
    });
    expect(text(output)).toBe(`it's|"quoted"|$HOME|\`x\`|second\tline`);
  });

  it('runs commands one after the other, and gives them no input to wait for', async () => {
    const shell = startShell(kind);
    const results = await Promise.all([
      shell.run('cat; echo first', { timeoutMs: 10_000 }),
      shell.run('echo second', { timeoutMs: 10_000 }),
    ]);
    expect(results.map((result) => text(result.output))).toEqual(['first\n', 'second\n']);
  });

  it('takes commands longer than a terminal keeps', async () => {
    const long = 'x'.repeat(6000);
    const { output } = await startShell(kind).run(`printf %s ${long} | wc -c`, { timeoutMs: 20_000 });
    expect(text(output).trim()).toBe('6000');
  });
});

describe('GuestShell', () => {
  it('carries any text without NUL', async () => {
    const shell = startShell('pipe');
    await fc.assert(
      fc.asyncProperty(
        fc.string({ unit: 'grapheme', maxLength: 200 }).filter((value) => !value.includes('\0')),
        async (value) => {
          const quoted = `'${value.replaceAll("'", "'\\''")}'`;
          const { output } = await shell.run(`printf %s ${quoted}`, { timeoutMs: 10_000 });
          expect(text(output)).toBe(value);
        },
      ),
      { numRuns: 40 },
    );
  });

  it('does not take output that looks like a mark for its own', async () => {
    const { output, exitCode } = await startShell('pipe').run('echo bowline-x:end:7; exit 2', { timeoutMs: 10_000 });
    expect([text(output), exitCode]).toEqual(['bowline-x:end:7\n', 2]);
  });

  it('gives up on a command that does not end', async () => {
    const run = startShell('pipe').run('sleep 30', { timeoutMs: 300 });
    await expect(run).rejects.toMatchObject({ code: 'COMMAND_TIMEOUT' });
  });

  it('refuses output beyond its limit', async () => {
    const run = startShell('pipe').run('yes | head -c 100000', { timeoutMs: 10_000, maxOutputBytes: 1000 });
    await expect(run).rejects.toMatchObject({ code: 'COMMAND_OUTPUT_TOO_LARGE' });
  });

  it('says so when the machine goes away', async () => {
    const run = startShell('pipe').run('kill -9 $PPID; sleep 5', { timeoutMs: 10_000 });
    await expect(run).rejects.toMatchObject({ code: 'MACHINE_ENDED' });
  });

  it('waits for a shell that starts late behind half a line', async () => {
    const shell = new NodeProcesses().spawn({
      argv: ['sh', '-c', 'sleep 1; echo garbage; exec sh'],
      timeoutMs: 60_000,
    });
    running.push(shell);
    shell.stdin.write(new TextEncoder().encode('wline-READY half a line'));
    const guest = new GuestShell({ write: (chunk) => shell.stdin.write(chunk), output: shell.output });
    expect(text((await guest.run('echo ok', { timeoutMs: 20_000 })).output)).toBe('ok\n');
  });
});
