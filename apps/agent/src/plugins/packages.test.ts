import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeTestMachine, type TestMachine } from '../machine/test-machine.testdata.ts';
import { packages } from './packages.ts';
import { addProgram, fileText, runPlugin, runTwice, summariesOf } from './run-plugin.testdata.ts';

let test: TestMachine;
beforeEach(async () => {
  test = await makeTestMachine({ files: { '/var/lib/dpkg/status': '' } });
});
afterEach(() => test.remove());

const EVERYTHING = { refresh: true, upgrade: true, install: ['htop', 'jq curl'], remove: ['nano'] };

describe('packages', () => {
  it('are refused on an immutable root, with the cure', async () => {
    await expect(runPlugin(test, packages, { install: ['htop'] })).rejects.toMatchObject({
      code: 'IMMUTABLE_ROOT',
      hint: expect.stringContaining('packages: of the bowl'),
    });
  });

  it.each<[program: string, asked: string]>([
    ['apt-get', '-y update\n-y upgrade\n-y --no-install-recommends install htop jq curl\n-y remove nano\n'],
    ['dnf', '-y makecache\n-y upgrade\n-y --setopt=install_weak_deps=False install htop jq curl\n-y remove nano\n'],
    [
      'zypper',
      '--non-interactive refresh\n--non-interactive update\n--non-interactive install --no-recommends htop jq curl\n--non-interactive remove nano\n',
    ],
    ['apk', 'update\nupgrade\nadd htop jq curl\ndel nano\n'],
    ['pacman', '-Sy --noconfirm\n-Su --noconfirm\n-S --noconfirm --needed htop jq curl\n-R --noconfirm nano\n'],
  ])('of a writable root are changed by %s: refresh, upgrade, install, remove', async (program, asked) => {
    await addProgram(test, program, 'echo "$@" >> $ROOT/asked');
    await runPlugin(test, packages, EVERYTHING);
    expect(await fileText(test, '/asked')).toBe(asked);
  });

  it('have changed when the database has', async () => {
    await addProgram(
      test,
      'apt-get',
      'grep -q htop $ROOT/var/lib/dpkg/status || echo htop >> $ROOT/var/lib/dpkg/status',
    );
    expect(await runTwice(test, packages, { install: ['htop'] })).toEqual([true, false]);
  });

  it('need a package manager', async () => {
    await mkdir(join(test.root, '/usr'));
    await expect(runPlugin(test, packages, { install: ['htop'] })).rejects.toMatchObject({ code: 'PROGRAM_MISSING' });
  });

  it('have no options for names', async () => {
    await addProgram(test, 'apt-get', 'echo "$@" >> $ROOT/asked');
    await expect(runPlugin(test, packages, { install: ['-oX=y'] })).rejects.toMatchObject({ code: 'STEP_INVALID' });
    await expect(fileText(test, '/asked')).rejects.toThrow();
  });

  it('are announced in the order in which they are done', () => {
    expect(summariesOf(packages, EVERYTHING)).toEqual([
      'refresh the lists of packages',
      'upgrade all packages',
      'install htop, jq curl',
      'remove nano',
    ]);
    expect(summariesOf(packages, {})).toEqual([]);
  });
});
