import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ESP_FILES, ESP_FOLDER, MACHINE_STATE_FOLDER, STATE_FOLDER } from '@bowline/os-layout';
import { afterEach, describe, expect, it } from 'vitest';
import { makeTestMachine, type TestMachine } from '../machine/test-machine.testdata.ts';
import { cancelReset, requestReset } from './request-reset.ts';
import { resetConfigOf } from './reset-config.ts';
import { formatResetRequest, resetRequest } from './reset-request.ts';

const wish = { keep: [], oem: false, state: true };

describe('a request for a reset', () => {
  it('names paths as they lie on state, each once, with /oem first and an end', () => {
    const keep = ['/var/lib/app', '/var/lib/app/data', '/opt/tool/', '/usr/local//bin', '/etc/ssh', '/home', '/varied'];
    expect(formatResetRequest(resetRequest({ ...wish, oem: true, keep: keep.slice(0, -1) }))).toBe(
      [
        'drop-oem',
        'keep etc/ssh',
        'keep home',
        'keep overlay/opt/upper/tool',
        'keep overlay/usr/local/upper/bin',
        'keep var/lib/app',
        'end',
        '',
      ].join('\n'),
    );
    expect(() => resetRequest({ ...wish, keep })).toThrow('/varied');
  });

  it.each(['var/lib', '/var/../etc', '/var/./x', '/usr/lib', '/', '/var/a\nkeep b', '/var/a ', String.raw`/var/\x`])(
    'refuses to keep %j',
    (path) => {
      expect(() => resetRequest({ ...wish, keep: [path] })).toThrow(/cannot be kept/);
    },
  );

  it('of /oem alone keeps everything else', () => {
    expect(resetRequest({ ...wish, oem: true, state: false })).toEqual({
      dropOem: true,
      keep: ['etc', 'home', 'overlay', 'root', 'var'],
    });
  });
});

describe('the configuration of resets', () => {
  it('is that of Kairos, with a word about what means nothing here', () => {
    expect(resetConfigOf({})).toEqual({ oem: false, state: true, afterwards: undefined, warnings: [] });
    const given = { 'reset-oem': true, 'reset-persistent': false, reboot: true, system: { uri: 'oci:x' }, tty: 'tty1' };
    expect(resetConfigOf(given)).toMatchObject({ oem: true, state: false, afterwards: 'reboot' });
    expect(resetConfigOf(given).warnings.join()).toMatch(/reset\.tty .*reset\.system /);
  });
});

describe('asking for a reset', () => {
  let test: TestMachine | undefined;
  afterEach(() => test?.remove());

  async function start(mode: string): Promise<TestMachine> {
    test = await makeTestMachine({
      files: {
        '/run/bowline/boot.conf': `ENTRY=bowline-1\nFIRMWARE=uefi\nMODE=${mode}\nESP=/dev/vda1\n`,
        [`${STATE_FOLDER}/var/lib/app/data`]: 'x',
        [`${MACHINE_STATE_FOLDER}/home/user/file`]: 'x',
      },
    });
    await mkdir(test.machine.locate(ESP_FOLDER), { recursive: true });
    return test;
  }
  const requestOf = ({ machine }: TestMachine) =>
    readFile(machine.locate(`${ESP_FOLDER}/${ESP_FILES.reset}`), 'utf8').catch(() => 'none');

  it('leaves the request on the ESP, and takes it back', async () => {
    const made = await start('disk');
    await requestReset(made.machine, { keep: ['var/lib/app'], dropOem: false });
    expect(await requestOf(made)).toBe('keep var/lib/app\nend\n');
    await cancelReset(made.machine);
    expect(await requestOf(made)).toBe('none');
  });

  it('looks in the state of the machine when the recovery runs', async () => {
    const made = await start('recovery');
    await requestReset(made.machine, { keep: ['home/user'], dropOem: false });
    expect(await requestOf(made)).toContain('keep home/user');
  });

  it('refuses to keep what is not there, or lies behind a link', async () => {
    const made = await start('disk');
    const { machine } = made;
    await writeFile(join(machine.locate(STATE_FOLDER), 'var/other'), '');
    await symlink('lib', join(machine.locate(STATE_FOLDER), 'var/link'));
    await expect(requestReset(machine, { keep: ['var/lib/ap'], dropOem: false })).rejects.toThrow('is not there');
    await expect(requestReset(machine, { keep: ['var/link/app'], dropOem: false })).rejects.toThrow(
      '/var/link is a link',
    );
    expect(await requestOf(made)).toBe('none');
  });

  it('is refused where there is no state', async () => {
    const { machine } = await start('live');
    await expect(requestReset(machine, { keep: [], dropOem: false })).rejects.toMatchObject({ code: 'NO_SYSTEM_DISK' });
  });
});
