import { lstat, mkdir, readFile, readlink, stat, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { missingNeeds } from '@bowline/host';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeTestMachine, type TestMachine } from '../machine/test-machine.testdata.ts';
import { addProgram, fileText, modeOf, runPlugin, runTwice, summariesOf } from './run-plugin.testdata.ts';
import { systemctl } from './systemctl.ts';

const UNITS = '/usr/lib/systemd/system';
const LINKS = '/etc/systemd/system';
const hasSystemctl =
  (await missingNeeds([{ title: 'x', anyOf: ['systemctl'], debianPackages: ['systemd'] }])).length === 0;

let test: TestMachine;
beforeEach(async () => {
  test = await makeTestMachine({
    files: {
      [`${UNITS}/app.service`]:
        '[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\nAlias=other.service\n',
      [`${UNITS}/db.service`]: '[Service]\nExecStart=/bin/true\n[Install]\nRequiredBy=app.service\nAlso=db.socket\n',
      [`${UNITS}/db.socket`]: '[Socket]\nListenStream=/run/db\n[Install]\nWantedBy=sockets.target\n',
      [`${UNITS}/tty@.service`]:
        '[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=getty.target\nDefaultInstance=tty1\n',
      [`${UNITS}/multi-user.target`]: '[Unit]\n',
    },
  });
});
afterEach(() => test.remove());

const link = (path: string) => readlink(join(test.root, LINKS, path)).catch(() => undefined);
const isThere = (path: string) =>
  lstat(join(test.root, LINKS, path)).then(
    () => true,
    () => false,
  );

/** What enabling means where systemd does not run, by its own systemctl and by our links. */
describe.each(['systemctl --root', 'links'])('systemctl by %s', (kind) => {
  beforeEach(async (ctx) => {
    if (kind === 'links') return;
    if (!hasSystemctl) ctx.skip('no systemctl on this machine');
    await addProgram(test, 'systemctl', 'exec systemctl "$@"');
  });

  it('enables a unit with all its links, once', async () => {
    expect(await runTwice(test, systemctl, { enable: ['app'] })).toEqual([true, false]);
    expect(await link('multi-user.target.wants/app.service')).toBe(`${UNITS}/app.service`);
    expect(await link('other.service')).toBe(`${UNITS}/app.service`);
  });

  it('enables what goes with it', async () => {
    expect(await runTwice(test, systemctl, { enable: ['db.service'] })).toEqual([true, false]);
    expect(await link('app.service.requires/db.service')).toBe(`${UNITS}/db.service`);
    expect(await link('sockets.target.wants/db.socket')).toBe(`${UNITS}/db.socket`);
  });

  it('enables an instance, and the default one of a template', async () => {
    await runPlugin(test, systemctl, { enable: ['tty@ttyS0', 'tty@.service'] });
    expect(await link('getty.target.wants/tty@ttyS0.service')).toBe(`${UNITS}/tty@.service`);
    expect(await link('getty.target.wants/tty@tty1.service')).toBe(`${UNITS}/tty@.service`);
  });

  it('disables a unit, once', async () => {
    await runPlugin(test, systemctl, { enable: ['app'] });
    expect(await runTwice(test, systemctl, { disable: ['app'] })).toEqual([true, false]);
    expect(await isThere('multi-user.target.wants/app.service')).toBe(false);
    expect(await isThere('other.service')).toBe(false);
  });

  it('masks a unit, once', async () => {
    expect(await runTwice(test, systemctl, { mask: ['app'] })).toEqual([true, false]);
    expect(await link('app.service')).toBe('/dev/null');
  });

  it('takes several names in a line, and goes on after one that is not there', async () => {
    await expect(runPlugin(test, systemctl, { enable: ['nope', 'app db.socket'] })).rejects.toThrow(
      /nope|does not exist/,
    );
    expect(await isThere('multi-user.target.wants/app.service')).toBe(true);
    expect(await isThere('sockets.target.wants/db.socket')).toBe(true);
  });

  it('starts nothing before systemd runs, and says so', async () => {
    const outcomes = await runPlugin(test, systemctl, { start: ['app'] });
    expect(outcomes).toEqual([{ changed: false, note: expect.stringContaining('does not run yet') }]);
  });

  it('writes drop-ins, once', async () => {
    const overrides = [
      { service: 'app', content: '[Service]\nMemoryMax=1G\n' },
      { service: 'db.socket', name: 'mode', content: '[Socket]\nSocketMode=0600\n' },
    ];
    expect(await runTwice(test, systemctl, { overrides })).toEqual([true, false]);
    expect(await fileText(test, `${LINKS}/app.service.d/override-bowline.conf`)).toBe('[Service]\nMemoryMax=1G\n');
    expect(await fileText(test, `${LINKS}/db.socket.d/mode.conf`)).toBe('[Socket]\nSocketMode=0600\n');
    expect(await modeOf(test, `${LINKS}/app.service.d`)).toBe('0755');
  });
});

describe('systemctl where systemd runs', () => {
  beforeEach(async () => {
    await mkdir(join(test.root, '/run/systemd/system'), { recursive: true });
    await mkdir(join(test.root, '/proc/1'), { recursive: true });
    await symlink('../..', join(test.root, '/proc/1/root'));
    await addProgram(
      test,
      'systemctl',
      [
        'echo "$@" >> $ROOT/asked',
        'case "$1" in',
        'is-active) [ -e $ROOT/run/active ] || exit 3 ;;',
        'start) touch $ROOT/run/active ;;',
        'enable) mkdir -p $ROOT/etc/systemd/system; ln -sf x $ROOT/etc/systemd/system/$3 ;;',
        'esac',
      ].join('\n'),
    );
  });

  it('starts a unit that is not active, once', async () => {
    expect(await runTwice(test, systemctl, { start: ['app'] })).toEqual([true, false]);
    expect((await fileText(test, '/asked')).split('\n').filter((line) => line.startsWith('start'))).toEqual([
      'start -- app.service',
    ]);
  });

  it('enables by the running systemd', async () => {
    expect(await runTwice(test, systemctl, { enable: ['app'] })).toEqual([true, false]);
    expect(await fileText(test, '/asked')).toBe('enable -- app.service\nenable -- app.service\n');
  });

  it('has it read new drop-ins, and only these', async () => {
    expect(await runTwice(test, systemctl, { overrides: [{ service: 'app', content: 'x' }] })).toEqual([true, false]);
    expect(await fileText(test, '/asked')).toBe('daemon-reload\n');
  });
});

describe('systemctl where OpenRC runs', () => {
  beforeEach(async () => {
    await test.remove();
    test = await makeTestMachine({ files: { '/etc/init.d/sshd': '#!/sbin/openrc-run\n' } });
    await addProgram(
      test,
      'rc-update',
      'mkdir -p $ROOT/etc/runlevels/default\ncase "$1" in add) ln -sf /etc/init.d/$2 $ROOT/etc/runlevels/$3/$2 ;; --all) rm $ROOT/etc/runlevels/*/$3 ;; esac',
    );
    await addProgram(
      test,
      'rc-service',
      'case "$2" in status) [ -e $ROOT/run-$1 ] || exit 3 ;; start) touch $ROOT/run-$1 ;; esac',
    );
  });

  it('enables, starts and disables services by their names, once', async () => {
    expect(await runTwice(test, systemctl, { enable: ['sshd.service'] })).toEqual([true, false]);
    expect(await readlink(join(test.root, '/etc/runlevels/default/sshd'))).toBe('/etc/init.d/sshd');
    expect(await runTwice(test, systemctl, { start: ['sshd'] })).toEqual([true, false]);
    expect((await stat(join(test.root, '/run-sshd'))).isFile()).toBe(true);
    expect(await runTwice(test, systemctl, { disable: ['sshd'] })).toEqual([true, false]);
    await expect(readFile(join(test.root, '/etc/runlevels/default/sshd'))).rejects.toThrow();
  });

  it.each<[config: Parameters<typeof systemctl.actions>[0], message: RegExp]>([
    [{ enable: ['nope'] }, /OpenRC has no service nope/],
    [{ mask: ['sshd'] }, /cannot mask/],
    [{ overrides: [{ service: 'sshd', content: 'x' }] }, /mean nothing to OpenRC/],
  ])('says what it cannot do: %j', async (config, message) => {
    await expect(runPlugin(test, systemctl, config)).rejects.toThrow(message);
  });
});

describe('systemctl', () => {
  it('needs a service manager', async () => {
    const bare = await makeTestMachine();
    await expect(runPlugin(bare, systemctl, { enable: ['app'] })).rejects.toMatchObject({ code: 'PROGRAM_MISSING' });
    await bare.remove();
  });

  it('is announced in the order in which it is done', () => {
    const config = {
      overrides: [{ service: 'app', content: 'Environment=TOKEN=geheim' }],
      start: ['d'],
      mask: ['c.timer'],
      disable: ['b'],
      enable: ['a x@1'],
    };
    expect(summariesOf(systemctl, config)).toEqual([
      'enable a.service',
      'enable x@1.service',
      'disable b.service',
      'mask c.timer',
      'start d.service',
      `write ${LINKS}/app.service.d/override-bowline.conf`,
    ]);
  });

  it.each(['--now app', '../app', 'a;b', 'a/b', '', '-H host'])(
    'refuses %j, and goes on with the others',
    async (name) => {
      const run = runPlugin(test, systemctl, { enable: [name, 'db.socket'] });
      await expect(run).rejects.toThrow(/no name of a unit/);
      expect(await isThere('sockets.target.wants/db.socket')).toBe(true);
    },
  );

  it('refuses drop-ins outside of their folder', async () => {
    for (const name of ['../x.conf', 'a/b', '.hidden']) {
      const overrides = [{ service: 'a', name, content: '' }];
      await expect(runPlugin(test, systemctl, { overrides })).rejects.toThrow(/no file name/);
    }
    const overrides = [{ service: '../../x', content: '' }];
    await expect(runPlugin(test, systemctl, { overrides })).rejects.toThrow(/no name of a unit/);
  });
});
