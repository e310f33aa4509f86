import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeTestMachine, type TestMachine } from '../machine/test-machine.testdata.ts';
import { environment, mergeVariables } from './environment.ts';
import { addProgram, fileText, modeOf, runPlugin, runTwice, summariesOf } from './run-plugin.testdata.ts';

/** Those that mean something somewhere, and some others. */
const CHARACTERS = 'a b c \' " \\ $ ` # ; & | < > * ~ ! ( ) { } = é'.split('').slice(1);
let test: TestMachine;
beforeEach(async () => {
  test = await makeTestMachine({ files: { '/etc/environment': '# mine\nPATH="/bin"\n' } });
});
afterEach(() => test.remove());

describe('environment', () => {
  it('is merged into /etc/environment, once', async () => {
    expect(await runTwice(test, environment, { EDITOR: 'vi', PATH: '/usr/bin:/bin' })).toEqual([true, false]);
    expect(await fileText(test, '/etc/environment')).toBe('# mine\nPATH=/usr/bin:/bin\nEDITOR=vi\n');
    expect(await modeOf(test, '/etc/environment')).toBe('0644');
  });

  it('goes to another file when told, with its folder', async () => {
    await runPlugin(test, environment, { A: '1' }, { environment_file: '/run/cos/layout.env' });
    expect(await fileText(test, '/run/cos/layout.env')).toBe('A=1\n');
    expect(await modeOf(test, '/run/cos')).toBe('0755');
  });

  it.each<[what: string, text: string, result: string]>([
    ['an empty file', '', 'A=new\n'],
    ['a file without end of line', 'B=1', 'B=1\nA=new\n'],
    ['an exported variable', 'export A=old\n', 'export A=new\n'],
    ['the same variable twice', 'A=1\nB=2\nA=3\n', 'A=new\nB=2\n'],
    ['a commented one', '#A=1\n', '#A=1\nA=new\n'],
    ['one that only begins alike', 'AB=1\n', 'AB=1\nA=new\n'],
  ])('is merged into %s', (_what, text, result) => {
    expect(mergeVariables(text, new Map([['A', 'new']]))).toBe(result);
  });

  it('means the same to a shell, whatever the value is', async () => {
    await addProgram(test, 'sh', 'exec /bin/sh "$@"');
    const value = fc.string({ unit: fc.constantFrom(...CHARACTERS), maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(value, async (text) => {
        await runPlugin(test, environment, { VALUE: text }, { environment_file: '/env' });
        const script = `. '${test.root}/env'; printf '[%s]' "$VALUE"`;
        const { stdout } = await test.machine.processes.run({ argv: ['/bin/sh', '-c', script], timeoutMs: 5000 });
        expect(Buffer.from(stdout).toString()).toBe(`[${text}]`);
      }),
      { numRuns: 30 },
    );
  });

  it('is refused where a folder is', async () => {
    await mkdir(join(test.root, '/run/dir'), { recursive: true });
    await expect(runPlugin(test, environment, { A: '1' }, { environment_file: '/run/dir' })).rejects.toThrow(
      /is a folder/,
    );
  });

  it('with a broken template changes nothing', async () => {
    await expect(runPlugin(test, environment, { A: '{{ nonsense' })).rejects.toMatchObject({
      code: expect.stringMatching(/^TEMPLATE_/),
    });
    expect(await fileText(test, '/etc/environment')).not.toContain('A=');
  });

  it('is announced by names only', () => {
    expect(summariesOf(environment, { TOKEN: 'geheim' })).toEqual(['set TOKEN in /etc/environment']);
    expect(summariesOf(environment, {})).toEqual([]);
    for (const name of ['1A', 'A B', 'A\nB', ''])
      expect(() => summariesOf(environment, { [name]: '1' })).toThrow(/no name/);
  });
});
