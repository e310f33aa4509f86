import { afterEach, describe, expect, it } from 'vitest';
import { LastGoodCopies } from '../config/last-good.ts';
import { makeTestMachine, type TestFiles, type TestMachine } from '../machine/test-machine.testdata.ts';
import { collectConfigurations } from './configurations.ts';
import { installedConfigurations } from './installed-configurations.ts';
import { mountConfiguration } from './mount-configuration.ts';

let test: TestMachine | undefined;
afterEach(() => test?.remove());

async function machineWith(files: TestFiles) {
  test = await makeTestMachine({ files });
  return test.machine;
}

const CONFIG = '#cloud-config\nhostname: given\n';

describe('the configurations of a live machine', () => {
  it('are those that were given to it, and not those of its image', async () => {
    const machine = await machineWith({
      '/oem/95_userdata/userdata.yaml': CONFIG,
      '/oem/of-the-image.yaml': '#cloud-config\n',
      '/run/bowline/image/oem/of-the-image.yaml': '#cloud-config\n',
      '/run/bowline/cloud-config/90-bowl.yaml': CONFIG,
      '/usr/lib/bowline/cloud-config/00.yaml': CONFIG,
      '/etc/kairos/10.yaml': CONFIG,
      '/run/initramfs/live/config.yaml': `${CONFIG}# of the medium\n`,
      '/oem/empty.yaml': '\n',
    });
    expect(await collectConfigurations(machine)).toEqual([
      { origin: '/run/initramfs/live/config.yaml', text: `${CONFIG}# of the medium\n` },
      { origin: '/oem/95_userdata/userdata.yaml', text: CONFIG },
    ]);
  });

  it('hold what the kernel command line points at, with its templates filled in', async () => {
    const machine = await machineWith({ '/proc/cmdline': 'config_url=https://example.com/a.yaml\n' });
    await new LastGoodCopies(machine).keep(
      'https://example.com/a.yaml',
      '#cloud-config\nhostname: {{ "edge" | upper }}\n',
    );
    expect(await collectConfigurations(machine)).toEqual([
      { origin: 'config_url of the kernel command line', text: '#cloud-config\nhostname: EDGE\n' },
    ]);
  });

  it('hold what the kernel command line says, which only this start knows', async () => {
    const machine = await machineWith({
      '/proc/cmdline': 'root=x hostname=edge install.auto install.device=/dev/vda\n',
    });
    const [found] = await collectConfigurations(machine);
    expect(found?.origin).toBe('the kernel command line');
    expect(found?.text).toMatch(/^#cloud-config\n/);
    expect(found?.text).toContain('device: /dev/vda');
  });
});

describe('on the installed machine', () => {
  const clean = (text: string) => installedConfigurations([{ origin: 'x', text }]).configurations[0]?.text;

  it.each([
    [
      '#cloud-config\n# mine\ninstall:\n  auto: true # now\n  device: auto\nhostname: a\n',
      '#cloud-config\n# mine\ninstall:\n  device: auto\nhostname: a\n',
    ],
    ['#cloud-config\ninstall: {auto: true, force: true}\nhostname: a\n', '#cloud-config\nhostname: a\n'],
    ['#cloud-config\nhostname:    a # untouched\n', '#cloud-config\nhostname:    a # untouched\n'],
  ])('nothing installs again', (before, after) => {
    expect(clean(before)).toBe(after);
  });

  it('a text that is no YAML is kept, and reported', () => {
    const text = '#cloud-config\n{ not: [yaml\n';
    const { configurations, warnings } = installedConfigurations([{ origin: '/oem/a.yaml', text }]);
    expect(configurations).toEqual([{ origin: '/oem/a.yaml', text }]);
    expect(warnings).toEqual([expect.stringContaining('/oem/a.yaml')]);
  });
});

describe('bind_mounts and ephemeral_mounts', () => {
  it('become steps before the init of the image; what behaves so anyway needs none', async () => {
    const machine = await machineWith({
      '/data/x': '',
      '/usr/share/app/x': '',
      '/var/lib/app/x': '',
      '/etc/app/x': '',
    });
    const { configurations, reports } = await mountConfiguration(machine, {
      keptFolders: ['/data', '/var/lib/app'],
      droppedFolders: ['/usr/share/app/', '/etc/app'],
      source: undefined,
    });
    expect(reports).toEqual([]);
    expect(configurations).toHaveLength(1);
    expect(configurations[0]?.name).toBe('10_mounts.yaml');
    const text = configurations[0]?.text ?? '';
    expect(text).toContain('mount --bind /run/bowline/state/bind/data /data');
    expect(text).toContain('lowerdir=/usr/share/app,');
    expect(text).not.toMatch(/var\/lib\/app|etc\/app/);
    expect(text).toMatch(/^stages:\n {2}rootfs:/m);
  });

  it.each([
    ['/not-there', /not in the image/],
    ['/etc', /belongs to the system/],
    ['/proc/x', /belongs to the system/],
    ['/var/../etc', /belongs to the system/],
    ['data', /no plain absolute path/],
    ['/data;reboot', /no plain absolute path/],
  ])('%s is reported', async (path, message) => {
    const machine = await machineWith({ '/data/x': '' });
    const wish = { keptFolders: [path], droppedFolders: [], source: undefined };
    const { configurations, reports } = await mountConfiguration(machine, wish);
    expect(configurations).toEqual([]);
    expect(reports).toEqual([
      { key: 'install.bind_mounts', message: expect.stringMatching(message) as string, fatal: false },
    ]);
  });
});
