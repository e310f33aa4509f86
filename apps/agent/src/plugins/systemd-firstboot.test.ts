import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeTestMachine, type TestMachine } from '../machine/test-machine.testdata.ts';
import { addProgram, fileText, runPlugin, runTwice, summariesOf } from './run-plugin.testdata.ts';
import { systemdFirstboot } from './systemd-firstboot.ts';

/** Keeps its arguments, and sets the locale as the real one does: only where there is none. */
const FAKE = [
  'for word in "$@"; do echo "$word"; done > $ROOT/arguments',
  'ls "$CREDENTIALS_DIRECTORY" > $ROOT/credentials 2>/dev/null',
  'cat "$CREDENTIALS_DIRECTORY"/* >> $ROOT/credentials 2>/dev/null',
  '[ -e $ROOT/etc/locale.conf ] || echo LANG=C > $ROOT/etc/locale.conf',
].join('\n');

let test: TestMachine;
beforeEach(async () => {
  test = await makeTestMachine();
  await addProgram(test, 'systemd-firstboot', FAKE);
});
afterEach(() => test.remove());

describe('systemd_firstboot', () => {
  it('is told its options, in order, once', async () => {
    const config = { Timezone: 'Europe/Vienna', locale: 'C.UTF-8', 'setup-machine-id': 'true', keymap: 'us; reboot' };
    expect(await runTwice(test, systemdFirstboot, config)).toEqual([true, false]);
    expect(await fileText(test, '/arguments')).toBe(
      '--keymap=us; reboot\n--locale=C.UTF-8\n--setup-machine-id\n--timezone=Europe/Vienna\n',
    );
  });

  it('gets passwords as credentials that nobody else can read and that do not stay', async () => {
    await runPlugin(test, systemdFirstboot, { 'root-password-hashed': '$6$geheim', 'root-password': 'geheim' });
    expect(await fileText(test, '/arguments')).toBe('');
    expect(await fileText(test, '/credentials')).toBe(
      'passwd.hashed-password.root\npasswd.plaintext-password.root\n$6$geheimgeheim',
    );
    expect(await readdir(join(test.root, '/run/bowline'))).toEqual([]);
  });

  it('that fails repeats nothing of what it was told', async () => {
    await addProgram(test, 'systemd-firstboot', 'echo "bad $1" >&2; exit 1');
    const error = await runPlugin(test, systemdFirstboot, { locale: 'geheim' }).catch((e: unknown) => e);
    expect(error).toMatchObject({ code: 'STEP_FAILED', message: 'systemd-firstboot failed with exit code 1' });
  });

  it('is missing on bases without systemd', async () => {
    const bare = await makeTestMachine();
    await expect(runPlugin(bare, systemdFirstboot, { locale: 'C' })).rejects.toMatchObject({ code: 'PROGRAM_MISSING' });
    await bare.remove();
  });

  it('is announced by its options only', () => {
    expect(summariesOf(systemdFirstboot, { 'root-password': 'geheim', locale: 'C' })).toEqual([
      'run systemd-firstboot (locale, root-password)',
    ]);
    expect(() => summariesOf(systemdFirstboot, { '-x y': '1' })).toThrow(/no option/);
  });
});
