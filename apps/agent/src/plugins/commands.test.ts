import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeTestMachine, type TestMachine } from '../machine/test-machine.testdata.ts';
import { commands } from './commands.ts';
import { addProgram, fileText, runPlugin, summariesOf } from './run-plugin.testdata.ts';

let test: TestMachine;
beforeEach(async () => {
  test = await makeTestMachine();
  await addProgram(test, 'sh', 'exec /bin/sh "$@"');
});
afterEach(() => test.remove());

describe('commands', () => {
  it('run in order, in the root folder, by the shell', async () => {
    const outcomes = await runPlugin(test, commands, ['echo a > list', 'echo b >> list; echo c >> list']);
    expect(await fileText(test, '/list')).toBe('a\nb\nc\n');
    expect(outcomes).toEqual([{ changed: true }, { changed: true }]);
  });

  it('run whatever became of those before', async () => {
    await expect(runPlugin(test, commands, ['exit 3', 'touch done'])).rejects.toThrow(
      'command 1 (exit) failed with exit code 3',
    );
    expect(await fileText(test, '/done')).toBe('');
  });

  it('have nothing to read', async () => {
    await runPlugin(test, commands, ['cat > empty']);
    expect(await fileText(test, '/empty')).toBe('');
  });

  it('may leave a daemon that keeps its pipes open', async () => {
    const startedMs = performance.now();
    await runPlugin(test, commands, ['sleep 60 & echo $! > pid']);
    expect(performance.now() - startedMs).toBeLessThan(3000);
    const pid = Number(await fileText(test, '/pid'));
    // Right after its fork it is still the shell.
    expect(['sleep\n', 'sh\n']).toContain(await readFile(`/proc/${pid}/comm`, 'utf8'));
    process.kill(pid);
  });

  it('are stopped with all they started when the time of the step is over', async () => {
    const limited = await makeTestMachine({ signal: AbortSignal.timeout(300) });
    await addProgram(limited, 'sh', 'exec /bin/sh "$@"');
    const run = runPlugin(limited, commands, ['touch started; sleep 60; touch late']);
    await expect(run).rejects.toMatchObject({ code: 'STEP_TIMEOUT' });
    expect(await readFile(join(limited.root, 'started'), 'utf8')).toBe('');
    await limited.remove();
  });

  it.each<[what: string, command: string, code: string]>([
    ['a failure', 'echo geheim >&2; false geheim', 'STEP_FAILED'],
    ['a NUL', 'echo geheim\0', 'STEP_FAILED'],
    ['a signal', 'kill -9 $$ # geheim', 'STEP_FAILED'],
    ['more than an argument can hold', `: geheim${'x'.repeat(200_000)}`, 'STEP_FAILED'],
  ])('keep secrets out of errors: %s', async (_what, command, code) => {
    const error = await runPlugin(test, commands, [command]).catch((e: unknown) => e);
    expect(error).toMatchObject({ code });
    expect(JSON.stringify([String(error), (error as Error).cause, Object(error)])).not.toContain('geheim');
  });

  it('with a broken template do not run', async () => {
    await expect(runPlugin(test, commands, ['touch ran {{ nonsense'])).rejects.toMatchObject({
      code: expect.stringMatching(/^TEMPLATE_/),
    });
    await expect(fileText(test, '/ran')).rejects.toThrow();
  });

  it('need a shell', async () => {
    const bare = await makeTestMachine();
    await expect(runPlugin(bare, commands, ['true'])).rejects.toMatchObject({ code: 'PROGRAM_MISSING' });
    await bare.remove();
  });

  it('are announced by their first word only', () => {
    const config = ['systemctl restart foo', 'TOKEN=geheim curl x', '  \n/usr/bin/tool --password geheim', 'geheim=1'];
    expect(summariesOf(commands, config)).toEqual([
      'run command 1 (systemctl)',
      'run command 2',
      'run command 3 (/usr/bin/tool)',
      'run command 4',
    ]);
  });
});
