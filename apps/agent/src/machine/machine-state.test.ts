import { mkdir, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SOURCE_EPOCH } from '@bowline/os-layout';
import { afterEach, describe, expect, it } from 'vitest';
import { parseAssignments } from './assignments.ts';
import { rememberTime, setClockForward } from './clock.ts';
import { readState } from './state-document.ts';
import { makeTestMachine, type TestFiles, type TestMachine } from './test-machine.testdata.ts';

let test: TestMachine | undefined;
afterEach(async () => {
  await test?.remove();
  test = undefined;
});

async function machineAt(now: string, files: TestFiles = {}): Promise<TestMachine> {
  test = await makeTestMachine({ files, host: { clock: { now: () => new Date(now) } } });
  return test;
}

describe('assignments', () => {
  it.each<[line: string, value: string | undefined]>([
    ['A=plain', 'plain'],
    ['A="two words"', 'two words'],
    ["A='two words'", 'two words'],
    ["A='o'\\''brien'", "o'brien"],
    ['A="a \\"b\\" \\$c \\\\"', 'a "b" $c \\'],
    ['A=', ''],
    ["A=''", ''],
    ['  A=x  ', 'x'],
    ['#A=x', undefined],
    ['A x', undefined],
    ['1A=x', undefined],
  ])('%s', (line, value) => {
    expect(parseAssignments(line).get('A')).toBe(value);
  });
});

describe('the clock', () => {
  /** A `date` that writes what it was asked to set. */
  async function withDate({ root }: TestMachine): Promise<void> {
    await mkdir(join(root, 'usr/bin'), { recursive: true });
    await writeFile(join(root, 'usr/bin/date'), `#!/bin/sh\necho "$@" > ${root}/set\n`, { mode: 0o755 });
  }
  const asked = async ({ root }: TestMachine) => {
    const { readFile } = await import('node:fs/promises');
    return (await readFile(join(root, 'set'), 'utf8').catch(() => '')).trim();
  };

  it('is set to the time of the images when it is before it', async () => {
    const made = await machineAt('1970-01-01T00:00:10Z');
    await withDate(made);
    expect(await setClockForward(made.machine)).toContain('set forward to 2026-01-01T00:00:00');
    expect(await asked(made)).toBe(`-s @${SOURCE_EPOCH}`);
  });

  it('is set to the last run when it is before it', async () => {
    const later = await machineAt('2027-05-01T00:00:00Z');
    await withDate(later);
    await rememberTime(later.machine);
    await rememberTime(later.machine);
    expect((await stat(join(later.root, 'var/lib/bowline/clock'))).mtime).toEqual(new Date('2027-05-01T00:00:00Z'));
    expect(await setClockForward(later.machine)).toBeUndefined();
    Object.defineProperty(later.machine, 'clock', { value: { now: () => new Date('2026-06-01T00:00:00Z') } });
    expect(await setClockForward(later.machine)).toContain('2027-05-01');
    expect(await asked(later)).toBe(`-s @${Date.parse('2027-05-01T00:00:00Z') / 1000}`);
  });

  it('is never set back', async () => {
    const made = await machineAt('2099-01-01T00:00:00Z');
    await withDate(made);
    expect(await setClockForward(made.machine)).toBeUndefined();
    expect(await asked(made)).toBe('');
  });

  it('is left alone, with a word about it, where nothing can set it', async () => {
    const made = await machineAt('1970-01-01T00:00:10Z');
    expect(await setClockForward(made.machine)).toContain('there is no date');
  });
});

describe('the state of a machine', () => {
  it('is that of its image, partitions and mounts', async () => {
    const made = await machineAt('2026-06-01T00:00:00Z', {
      '/run/bowline/image.conf': "IMAGE_ID='sha256:ab'\nNAME='edge'\nVERSION='1.2'\n",
      '/usr/lib/bowline/release': 'NAME="other"\nVERSION="0"\n',
      '/proc/cmdline': 'roothash=x quiet\n',
      '/proc/sys/kernel/osrelease': '6.12.1\n',
      '/proc/self/mountinfo':
        '30 1 8:3 / /run/bowline/state rw - ext4 /dev/vda3 rw\n31 1 8:4 / /a\\040b rw - ext4 /dev/vda4 rw\n',
      '/sys/class/block/vda3/size': '2048\n',
    });
    await mkdir(join(made.root, 'dev/disk/by-partlabel'), { recursive: true });
    await symlink('../../vda3', join(made.root, 'dev/disk/by-partlabel/state'));
    await symlink('../../vda4', join(made.root, 'dev/disk/by-partlabel/my\\x20data'));
    expect(await readState(made.machine)).toMatchObject({
      boot: 'active_boot',
      image: { id: 'sha256:ab', name: 'edge', version: '1.2' },
      kernel: { release: '6.12.1' },
      partitions: [
        { label: 'my data', device: '/dev/vda4', mountPoint: '/a b' },
        {
          label: 'state',
          device: '/dev/vda3',
          sizeBytes: 2 ** 20,
          mountPoint: '/run/bowline/state',
          filesystem: 'ext4',
        },
      ],
      persistent: { found: true, mounted: true, mount_point: '/run/bowline/state' },
      encryption: { enabled: false },
    });
  });

  it('is known to run from its disk for users who may not read the ID of the image', async () => {
    const mountinfo = '30 1 8:3 / /run/bowline/state rw - ext4 /dev/vda3 rw\n';
    const made = await machineAt('2026-06-01T00:00:00Z', { '/proc/self/mountinfo': mountinfo });
    expect(await readState(made.machine)).toMatchObject({ boot: 'active_boot', image: { id: '' } });
  });

  it.each([
    ['bowline.live=LABEL', 'livecd_boot'],
    ['quiet bowline.netboot', 'livecd_boot'],
    ['bowline.lively', 'unknown_boot'],
  ])('knows by "%s" how it started: %s', async (commandLine, boot) => {
    const made = await machineAt('2026-06-01T00:00:00Z', { '/proc/cmdline': commandLine });
    expect(await readState(made.machine)).toMatchObject({ boot, partitions: [], persistent: { found: false } });
  });
});
