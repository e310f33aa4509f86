import { mkdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeTestMachine, type TestMachine } from '../machine/test-machine.testdata.ts';
import { directories } from './directories.ts';
import { modeOf, runPlugin, runTwice, summariesOf } from './run-plugin.testdata.ts';

let test: TestMachine;
beforeEach(async () => {
  test = await makeTestMachine();
});
afterEach(() => test.remove());

describe('directories', () => {
  it('are made with their parents, all alike', async () => {
    expect(await runTwice(test, directories, [{ path: '/srv/a/b/', permissions: 0o750 }])).toEqual([true, false]);
    for (const path of ['/srv', '/srv/a', '/srv/a/b']) expect(await modeOf(test, path)).toBe('0750');
  });

  it('without permissions can be entered by all', async () => {
    await runPlugin(test, directories, [{ path: '/srv/a' }]);
    expect(await modeOf(test, '/srv/a')).toBe('0755');
  });

  it('that exist get mode and owner, their parents do not', async () => {
    await mkdir(join(test.root, '/srv/a'), { recursive: true });
    expect(await runTwice(test, directories, [{ path: '/srv/a', permissions: 0o1777 }])).toEqual([true, false]);
    expect(await modeOf(test, '/srv/a')).toBe('01777');
    expect(await modeOf(test, '/srv')).toBe('0755');
  });

  it('keep what is in them', async () => {
    await mkdir(join(test.root, '/srv/a'), { recursive: true });
    await writeFile(join(test.root, '/srv/a/f'), 'x');
    await runPlugin(test, directories, [{ path: '/srv/a', permissions: 0o700 }]);
    expect(await modeOf(test, '/srv/a/f')).toBe('0644');
  });

  it('belong to the numbers they are given', async (ctx) => {
    if (process.getuid?.() !== 0) ctx.skip('only root can give folders away');
    expect(await runTwice(test, directories, [{ path: '/srv/a', owner: 901, group: 902 }])).toEqual([true, false]);
    expect(await stat(join(test.root, '/srv/a'))).toMatchObject({ uid: 901, gid: 902 });
  });

  it.each<[what: string, path: string, message: RegExp]>([
    ['where a file is', '/etc/passwd', /exists and is no folder/],
    ['below a file', '/etc/passwd/x', /below something that is no folder/],
    ['without an absolute path', 'srv', /no path/],
  ])('are not made %s', async (_what, path, message) => {
    await expect(runPlugin(test, directories, [{ path }])).rejects.toThrow(message);
  });

  it('fail one by one', async () => {
    await expect(runPlugin(test, directories, [{ path: '/etc/passwd' }, { path: '/srv' }])).rejects.toThrow(
      /no folder/,
    );
    expect(await modeOf(test, '/srv')).toBe('0755');
  });

  it('are announced with their mode', () => {
    expect(summariesOf(directories, [{ path: '/srv' }])).toEqual(['make folder /srv (0755)']);
  });
});
