import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isBad, ukiPath } from '@bowline/os-layout';
import { openBootMenu } from '../boot-menu/with-boot-menu.ts';
import { findSystemDisk } from '../slots/find-system-disk.ts';
import type { TestSystem } from './test-system.testdata.ts';
import { rootHashOfUki } from './uki-files.ts';
import { rootHashOfSlot } from './verify-slot.ts';

/** What a machine would do when its power came back now. */
export interface Forecast {
  /** Root hash of the first entry that starts; undefined: nothing does. */
  starts: string | undefined;
  /** Entries before it that would fail and cost starts; those that are known to be bad are not among them. */
  fails: string[];
  /** Root hashes of all entries that would start. */
  sound: string[];
}

/**
 * Asks what firmware, boot loader and kernel would do: entries in their order, the UKI of each, the slot its root hash names by
 * the partition table, and every block of that slot.
 */
export async function forecast({ machine, esp }: TestSystem): Promise<Forecast> {
  const menu = await openBootMenu(machine, esp);
  const disk = await findSystemDisk(machine);
  const found: Forecast = { starts: undefined, fails: [], sound: [] };
  for (const entry of await menu.list()) {
    const uki = await readFile(join(esp, ukiPath(entry.ukiDigest))).catch(() => Buffer.alloc(0));
    const isWhole = `sha256:${createHash('sha256').update(uki).digest('hex')}` === entry.ukiDigest;
    const rootHash = rootHashOfUki(uki);
    const isRecovery = entry.generation === 'recovery';
    const slot = disk.slots.find((one) => one.rootHash === rootHash && (one.name === 'recovery') === isRecovery);
    const isSound =
      isWhole && slot !== undefined && (await rootHashOfSlot(slot, machine.signal).catch(() => undefined)) === rootHash;
    if (isSound && rootHash !== undefined) {
      found.sound.push(rootHash);
      found.starts ??= rootHash;
    } else if (found.starts === undefined && !isBad(entry)) {
      found.fails.push(
        `${entry.generation}: ${isWhole ? (slot === undefined ? 'no slot' : 'another root') : 'no whole UKI'}`,
      );
    }
  }
  return found;
}
