import { mkdtemp, open, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseGpt, planFat32 } from '@bowline/formats';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createEmptyDisk } from './fixtures/lifecycle/empty-disk.ts';
import { withOwnDisk } from './fixtures/lifecycle/own-disk.ts';
import { type BuiltVersion, buildTinyVersion } from './fixtures/lifecycle/tiny-version.ts';
import { BOOT_MS, type TestMachine } from './fixtures/machine.ts';

const MIB = 2 ** 20;
const USER_DATA = `#cloud-config
install:
  auto: true
  device: auto
  poweroff: true
  extra-partitions:
    - { name: data, size: 64, fs: ext4, label: DATA }
stages:
  boot:
    - name: Mark
      files:
        - { path: /var/marked, content: of-the-user-data, permissions: 0600 }
`;

let folder = '';
let iso = '';
let built: BuiltVersion;
const disk = () => join(folder, 'machine.raw');
const seed = () => join(folder, 'cidata.raw');

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bowline-install-'));
  built = await buildTinyVersion(folder, { version: '1', outputs: ['iso'] });
  iso = built.artefact('.iso');
  await writeSeed(seed());
  await createEmptyDisk(disk());
});

afterAll(() => rm(folder, { recursive: true, force: true }));

/** A stick with the label CIDATA, as people make one for cloud-init. */
async function writeSeed(path: string): Promise<void> {
  const contents = new Map([
    ['user-data', new TextEncoder().encode(USER_DATA)],
    ['meta-data', new TextEncoder().encode('instance-id: one\n')],
  ]);
  const files = [...contents].map(([name, bytes]) => ({ path: name, sizeBytes: bytes.length }));
  const volume = { files, volumeSizeBytes: 33 * MIB, volumeId: 7, label: 'CIDATA', epochSeconds: 1_767_225_600 };
  await using file = await open(path, 'w');
  await file.truncate(volume.volumeSizeBytes);
  for (const extent of planFat32(volume).extents) {
    const bytes = 'bytes' in extent ? extent.bytes : (contents.get(extent.path) ?? new Uint8Array(0));
    await file.write(bytes, 0, bytes.length, extent.offset);
  }
}

/** Labels of the partitions, or undefined when the disk has no table in either place. */
async function readLabels(): Promise<string[] | undefined> {
  const { size } = await stat(disk());
  await using file = await open(disk(), 'r');
  const at = async (position: number) => {
    const bytes = new Uint8Array(64 * 512);
    await file.read(bytes, 0, bytes.length, position);
    return bytes;
  };
  const ends = { start: await at(0), end: await at(size - 64 * 512), diskSizeBytes: size };
  try {
    const { partitions, problems } = parseGpt(ends);
    expect(problems).toEqual([]);
    return partitions.map(({ name }) => name);
  } catch {
    return undefined;
  }
}

const INSTALLED = ['esp', 'bios-boot', 'root-a', 'root-a-verity', 'data'];
const COMPLETE = [...INSTALLED, 'root-b', 'root-b-verity', 'recovery', 'recovery-verity', 'bowline-state'];

describe('an unattended installation from an ISO, with the configuration on a stick', () => {
  it('is cut off by a power cut: the disk starts nothing', async (ctx) => {
    await withOwnDisk(ctx, { disk: disk(), iso, discs: [seed()] }, async (machine) => {
      await machine.waitFor(/ % +Write the system/, BOOT_MS);
    });
    expect(await readLabels()).toBeUndefined();
  });

  it('runs again from the same medium, as if nothing had been, and switches the machine off', async (ctx) => {
    await withOwnDisk(ctx, { disk: disk(), iso, discs: [seed()] }, async (machine: TestMachine) => {
      await machine.waitFor(/tiny 1 is installed on \/dev\/vda/, BOOT_MS);
      expect((await machine.exited).exitCode).toBe(0);
      // The stick is a disk as well; it is smaller, and not empty.
      expect(machine.console()).toContain('on /dev/vda (4 GiB');
    });
    expect(await readLabels()).toEqual(INSTALLED);
  });

  it('leaves a machine that starts from its disk, completes it, and is configured as the stick said', async (ctx) => {
    await withOwnDisk(ctx, { disk: disk() }, async (machine) => {
      await machine.waitFor(/tiny: started/, BOOT_MS);
      expect(await machine.ask('until [ -e /var/marked ]; do sleep 0.2; done; cat /var/marked')).toBe(
        'of-the-user-data',
      );
      const config = await machine.ask('cat /oem/90_custom.yaml');
      expect(config).toContain('extra-partitions');
      expect(config).not.toContain('auto: true');
      expect(await machine.ask('stat -c %a /oem/90_custom.yaml')).toBe('600');
      expect(await machine.ask('cat /proc/cmdline')).not.toContain('bowline.live');
      expect(await machine.ask('while read -r d p t r; do [ "$p" != /var ] || echo "$t"; done </proc/mounts')).toBe(
        'ext4',
      );
    });
    expect(await readLabels()).toEqual(COMPLETE);
  });
});
