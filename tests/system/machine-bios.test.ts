import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readFat32 } from '@bowline/formats';
import {
  ENTRY_FOLDER,
  ESP_FILES,
  encodeGrubEnvironment,
  encodeGrubMenu,
  type GrubEntry,
  parseGrubMenu,
  slotUuids,
} from '@bowline/os-layout';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bowlineJson } from './fixtures/cli.ts';
import { findPartition, readAt } from './fixtures/disk-image.ts';
import { BOOT_MS, SharedMachine } from './fixtures/machine.ts';
import { writePinnedBowl } from './fixtures/tiny-build.ts';

const shared = new SharedMachine();
let folder = '';
let image = '';

/** The disk of a machine in the middle of an upgrade: version 2 is on trial, and version 3 lost its UKI. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bowline-bios-'));
  const bowl = join(folder, 'bowl');
  await writePinnedBowl(bowl, 'outputs: [raw]');
  await bowlineJson(['build', bowl, '--debug', '--out', join(folder, 'out')]);
  image = join(folder, 'out/tiny/tiny-1-amd64.raw');
  const [good] = parseGrubMenu(await readEspFile(ESP_FILES.grubMenuA));
  if (good === undefined) throw new Error('the disk has no GRUB menu');
  const menu = [good, onTrial(good), { ...good, generation: 3, ukiDigest: `sha256:${'0'.repeat(64)}` }];
  await writeEspFile(ESP_FILES.grubMenuA, encodeGrubMenu(menu));
  await writeEspFile(ESP_FILES.grubEnvironment, encodeGrubEnvironment({ trial: 'bowline-2', tries: 3 }));
  await shared.start({ imagePath: image, snapshot: true, bios: true });
});

afterAll(async () => {
  await shared.stop();
  await rm(folder, { recursive: true, force: true });
});

/** The same image with a root hash that its root does not have. */
function onTrial(good: GrubEntry): GrubEntry {
  const rootHash = /roothash=([0-9a-f]{64})/.exec(good.commandLine)?.[1] ?? '';
  const { data, hash } = slotUuids(rootHash);
  const places = `systemd.verity_root_data=PARTUUID=${data} systemd.verity_root_hash=PARTUUID=${hash}`;
  const commandLine = `${good.commandLine.replace(rootHash, 'f'.repeat(64))} ${places}`;
  return { ...good, generation: 2, state: 'trial', commandLine };
}

async function placeOf(path: string): Promise<{ offset: number; length: number }> {
  const esp = await findPartition(image, 'esp');
  const volume = await readFat32((offset, length) => readAt(image, esp.offset + offset, length));
  const [run] = volume.entries.find((entry) => entry.path === path)?.runs ?? [];
  if (run === undefined) throw new Error(`the ESP has no ${path}`);
  return { offset: esp.offset + run.offset, length: run.length };
}

async function readEspFile(path: string): Promise<Uint8Array> {
  const { offset, length } = await placeOf(path);
  return readAt(image, offset, length);
}

/** In place, as the agent and GRUB write. */
async function writeEspFile(path: string, bytes: Uint8Array): Promise<void> {
  const { offset } = await placeOf(path);
  const file = await open(image, 'r+');
  try {
    await file.write(bytes, 0, bytes.length, offset);
  } finally {
    await file.close();
  }
}

/** The kernel says it: GRUB's own words come twice here, on the screen and on the serial port, letter between letter. */
const started = (generation: number) => new RegExp(`Kernel command line: .* bowline\\.entry=bowline-${generation}\\b`);

describe('a disk in a machine with a BIOS', () => {
  it('passes over a version whose UKI is gone, and tries the one on trial three times', async (ctx) => {
    const machine = shared.of(ctx);
    await machine.waitFor(/bowline-3 could not be started/, BOOT_MS);
    for (let start = 1; start <= 3; start++) {
      await machine.waitFor(started(2), BOOT_MS);
      await machine.waitFor(/verity: \S+ metadata block \d+ is corrupted/, BOOT_MS);
    }
  });

  it('goes back to the version that has proved itself, and starts it to the login', async (ctx) => {
    const machine = shared.of(ctx);
    await machine.waitFor(started(1), BOOT_MS);
    await machine.waitFor(/tiny login:/, BOOT_MS);
    expect(await machine.ask('cat /run/bowline/boot.conf')).toMatch(
      /^ENTRY=bowline-1\nFIRMWARE=bios\nMODE=disk\nTRIAL=no\n/,
    );
    expect(await machine.ask('ls -d /sys/firmware/efi || echo none')).toContain('none');
  });

  it('says so in its boot menu, which leaves out what cannot be started', async (ctx) => {
    const { firmware, running, entries } = JSON.parse(
      await shared.of(ctx).ask('bowline-agent bootentry list --json'),
    ) as {
      firmware: string;
      running: number;
      entries: { generation: number; tries: unknown }[];
    };
    expect([firmware, running]).toEqual(['bios', 1]);
    expect(entries.map(({ generation, tries }) => [generation, tries])).toEqual([
      [1, 'good'],
      [2, { left: 0, done: 3 }],
    ]);
    expect(await shared.of(ctx).ask('grep -c bowline/esp /proc/mounts || true')).toBe('0');
  });

  it('starts what was chosen once, and then as before', async (ctx) => {
    const machine = shared.of(ctx);
    await machine.ask('bowline-agent bootentry select 2 --once');
    await machine.reset();
    await machine.waitFor(started(2), BOOT_MS);
    await machine.waitFor(/bowline-3 could not be started/, BOOT_MS);
    await machine.waitFor(started(1), BOOT_MS);
    await machine.waitFor(/tiny login:/, BOOT_MS);
  });

  it('starts the proved version when its counters are torn, and never the one on trial', async (ctx) => {
    const machine = shared.of(ctx);
    const tear = [
      'mkdir -p /run/bowline/test',
      'mount -t vfat "$(sed -n s/^ESP=//p /run/bowline/boot.conf)" /run/bowline/test',
      `dd if=/dev/zero of=/run/bowline/test/${ESP_FILES.grubEnvironment} bs=512 count=1 conv=notrunc`,
      `ls /run/bowline/test/${ENTRY_FOLDER}`,
      'umount /run/bowline/test',
    ];
    await machine.ask(tear.join(' && '));
    await machine.reset();
    const [, entry] = await machine.waitFor(/Kernel command line: .* bowline\.entry=bowline-(\d+)/, BOOT_MS);
    expect(entry).toBe('1');
    await machine.waitFor(/tiny login:/, BOOT_MS);
  });
});
