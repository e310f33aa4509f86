import { readFile, stat, statfs } from 'node:fs/promises';
import { planVerityTree } from '@bowline/formats';
import { AGENT_STATE_FOLDER, BLESSED_FILE, TRIAL_FILE } from '@bowline/os-layout';
import { LAYOUT_VERSION, type ReleaseDocument } from '@bowline/spec';
import type { BootMenu } from '../boot-menu/boot-menu.ts';
import { findBadImage, type LifecycleRecord } from '../lifecycle-record/record.ts';
import type { Machine } from '../machine/machine.ts';
import { readRunningImage } from '../machine/running-image.ts';
import type { Slot, SystemDisk } from '../slots/slots.ts';
import type { UkiFiles } from './uki-files.ts';
import type { EntryFact, NewVersion, SlotFact, UpgradeFacts } from './upgrade-facts.ts';

/** What the facts are gathered from. */
export interface FactSources {
  disk: SystemDisk;
  record: LifecycleRecord;
  next: NewVersion;
  menu: BootMenu;
  ukis: UkiFiles;
  /** Root hash of what lies in a slot, every block of it read; undefined when it is no whole root. */
  rootHashOf: (slot: Slot) => Promise<string | undefined>;
}

/** Looks at machine and disk. A slot that is named by the new root hash is read as a whole. */
export async function gatherFacts(machine: Machine, sources: FactSources): Promise<UpgradeFacts> {
  const { disk, record, next, menu } = sources;
  const [image, { arch }] = [await readRunningImage(machine), await machine.facts()];
  const commandLine = await readFile(machine.locate('/proc/cmdline'), 'utf8').catch(() => '');
  const entries = await readEntries(sources);
  const generations = [...record.versions, ...(record.pending === undefined ? [] : [record.pending])];
  return {
    next,
    running: {
      name: image.name,
      version: image.version,
      imageId: image.id,
      debug: /(?:^|\s)bowline\.debug(?:=|\s|$)/.test(commandLine),
      slot: disk.running,
    },
    trial: (await exists(machine, TRIAL_FILE)) && !(await exists(machine, BLESSED_FILE)),
    arch,
    layoutVersion: LAYOUT_VERSION,
    slots: await Promise.all(disk.slots.map((slot) => slotFact(slot, sources))),
    entries,
    lastGeneration: Math.max(0, ...generations.map(({ generation }) => (generation === 'recovery' ? 0 : generation))),
    bad: findBadImage(record, next.imageId),
    espFreeBytes: await menu.freeBytes(),
    stateFreeBytes: await freeBytes(machine),
  };
}

/** What a release is to an upgrade. */
export function newVersionOf(document: ReleaseDocument): NewVersion {
  const { name, version, imageId, arch, debug, layoutVersion, verity, root, uki } = document;
  return {
    name,
    version,
    imageId,
    arch,
    debug,
    layoutVersion,
    rootHash: verity.rootHash,
    rootBytes: root.sizeBytes,
    hashBytes: planVerityTree(verity.dataBlocks).hashBytes,
    ukiDigest: uki.sha256,
    ukiBytes: uki.sizeBytes,
  };
}

async function readEntries({ menu, ukis }: FactSources): Promise<EntryFact[]> {
  const entries: EntryFact[] = [];
  for (const entry of await menu.list()) {
    const [rootHash, ukiBytes] = [await ukis.rootHash(entry.ukiDigest), await ukis.sizeBytes(entry.ukiDigest)];
    entries.push({ ...entry, rootHash, ukiBytes });
  }
  return entries;
}

async function slotFact(slot: Slot, { next, rootHashOf }: FactSources): Promise<SlotFact> {
  const isNamed = slot.rootHash === next.rootHash;
  return {
    name: slot.name,
    rootHash: slot.rootHash,
    dataBytes: slot.data.sizeBytes,
    hashBytes: slot.hash.sizeBytes,
    holdsNew: isNamed && (await rootHashOf(slot)) === next.rootHash,
  };
}

async function freeBytes(machine: Machine): Promise<number> {
  for (const path of [AGENT_STATE_FOLDER, '/var', '/']) {
    const found = await statfs(machine.locate(path)).catch(() => undefined);
    if (found !== undefined) return found.bavail * found.bsize;
  }
  return 0;
}

function exists(machine: Machine, path: string): Promise<boolean> {
  return stat(machine.locate(path)).then(
    () => true,
    () => false,
  );
}
