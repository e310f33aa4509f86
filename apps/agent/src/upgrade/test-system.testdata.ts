import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BOOT_FILE, ESP_FOLDER, RUNNING_IMAGE_FILE, ukiPath } from '@bowline/os-layout';
import type { MenuEntry } from '../boot-menu/boot-menu.ts';
import { openBootMenu } from '../boot-menu/with-boot-menu.ts';
import { EMPTY_RECORD, rememberVersion } from '../lifecycle-record/record.ts';
import { changeLifecycleRecord, readLifecycleRecord } from '../lifecycle-record/record-file.ts';
import type { Machine } from '../machine/machine.ts';
import { makeTestMachine } from '../machine/test-machine.testdata.ts';
import { findSystemDisk } from '../slots/find-system-disk.ts';
import type { SlotName } from '../slots/slots.ts';
import { makeTestDisk, type TestDisk } from '../slots/test-disk.testdata.ts';
import { gatherFacts } from './gather-facts.ts';
import { makeTestVersion, type TestVersion } from './test-version.testdata.ts';
import { ukiFilesOf } from './uki-files.ts';
import type { UpgradeFacts } from './upgrade-facts.ts';
import { rootHashOfSlot } from './verify-slot.ts';

/** A version that is on the machine from the start. */
export interface InstalledVersion {
  version: string;
  slot: SlotName;
  tries: MenuEntry['tries'];
  /** Its place in the list unless given. */
  generation?: number;
  /** Its content was damaged afterwards. */
  damaged?: boolean;
}

/** A machine of real files: a disk image with slots, a folder for its ESP with the real boot menu, and its record. */
export interface TestSystem {
  machine: Machine;
  disk: TestDisk;
  esp: string;
  /** Facts for a new version, as an upgrade gathers them that remembers nothing. */
  facts(next: TestVersion): Promise<UpgradeFacts>;
  remove(): Promise<void>;
}

/** Makes a machine with these versions; they get the generations 1, 2 and so on, and the first of them runs. */
export async function makeTestSystem(
  installed: readonly InstalledVersion[],
  firmware: 'uefi' | 'bios' = 'uefi',
): Promise<TestSystem> {
  const versions = installed.map((one, index) => ({
    generation: index + 1,
    ...one,
    made: makeTestVersion(one.version),
  }));
  const [running] = versions;
  if (running === undefined) throw new Error('a test system needs a version');
  const { made } = running;
  const test = await makeTestMachine({
    files: {
      [BOOT_FILE]: `FIRMWARE=${firmware}\nMODE=disk\nENTRY=bowline-${running.generation}\n`,
      [RUNNING_IMAGE_FILE]: `IMAGE_ID=${made.imageId}\nNAME=${made.name}\nVERSION=${made.version}\n`,
    },
  });
  const { machine, root } = test;
  const disk = await makeTestDisk(root, {
    slotBytes: 2 ** 21,
    hashBytes: 2 ** 16,
    running: running.slot,
    rootHashes: Object.fromEntries(versions.map(({ slot, made: { rootHash } }) => [slot, rootHash])),
  });
  const esp = join(root, ESP_FOLDER);
  await mkdir(join(esp, 'EFI/bowline'), { recursive: true });
  await mkdir(join(root, '/var/lib'), { recursive: true });
  const menu = await openBootMenu(machine, esp, firmware);
  for (const { made: next, slot, tries, damaged, generation: number } of versions) {
    const label = slot === 'recovery' ? 'recovery' : `root-${slot}`;
    await disk.fill(label, damaged === true ? next.root.toReversed() : next.root);
    await disk.fill(`${label}-verity`, next.hash);
    await menu.addUki(next.ukiDigest, () => oneChunk(next.uki), next.ukiBytes);
    const generation = slot === 'recovery' ? ('recovery' as const) : number;
    const entry = { generation, title: next.version, ukiDigest: next.ukiDigest, tries };
    await (await menu.prepare(entry)).commit();
    const { name, version, imageId, ukiDigest, rootHash } = next;
    const verdict = tries === 'good' ? 'blessed' : tries.left > 0 ? 'trial' : 'bad';
    await changeLifecycleRecord(machine, (record) =>
      rememberVersion(record, { generation, name, version, imageId, ukiDigest, rootHash, slot, verdict, at: '' }),
    );
  }
  const facts = async (next: TestVersion): Promise<UpgradeFacts> =>
    gatherFacts(machine, {
      disk: await findSystemDisk(machine),
      record: (await readLifecycleRecord(machine)).record,
      next,
      menu: await openBootMenu(machine, esp, firmware),
      ukis: ukiFilesOf(machine, EMPTY_RECORD),
      rootHashOf: (slot) => rootHashOfSlot(slot, machine.signal),
    });
  return { machine, disk, esp, facts, remove: () => test.remove() };
}

/** Hands out bytes as a download does. */
export async function* oneChunk(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

/** Puts a UKI on the ESP, or a part of one. */
export async function putUki(esp: string, digest: string, bytes: Uint8Array): Promise<void> {
  await writeFile(join(esp, ukiPath(digest)), bytes);
}
