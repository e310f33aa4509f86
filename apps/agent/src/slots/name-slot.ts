import { editGpt, type GptFound, parseGpt } from '@bowline/formats';
import { recoveryUuids, type SlotUuids, slotUuids } from '@bowline/os-layout';
import { AgentError } from '../error.ts';
import { type OpenBlockWriter, openBlockWriter } from './block-writer.ts';
import { readDiskEnds } from './read-slots.ts';
import { type Slot, type SlotName, type SystemDisk, slotTitle } from './slots.ts';

/**
 * Gives the partitions of a slot the GUIDs that a root hash stands for: from then on a kernel command line with this root
 * hash finds them. The backup table is written first, then the primary, each flushed: whenever the power fails, one copy is
 * whole, and says either the old or the new. Nothing else of the disk is written. A slot with the right GUIDs is left alone.
 *
 * Throws AgentError WRITE_FAILED when the table does not read back as it was written, NO_SYSTEM_DISK without such a slot.
 */
export async function nameSlot(
  disk: SystemDisk,
  slotName: SlotName,
  rootHash: string,
  openWriter: OpenBlockWriter = openBlockWriter,
): Promise<void> {
  const slot = slotOf(disk, slotName);
  const uuids = slotName === 'recovery' ? recoveryUuids(rootHash) : slotUuids(rootHash);
  const ends = await readDiskEnds(disk.device, disk.sectorBytes);
  const before = parseGpt(ends);
  if (before.problems.length === 0 && isNamed(before, slot, uuids)) return;
  const edited = editGpt(ends, {
    add: [],
    identify: [
      { number: slot.numbers.data, partGuid: uuids.data },
      { number: slot.numbers.hash, partGuid: uuids.hash },
    ],
  });
  const writer = await openWriter(disk.device.path);
  try {
    for (const { offset, bytes } of [edited.backup, edited.primary]) {
      await writer.write(disk.device.offsetBytes + offset, bytes);
      await writer.flush();
    }
  } finally {
    await writer.close();
  }
  const after = parseGpt(await readDiskEnds(disk.device, disk.sectorBytes));
  const isWorse = after.problems.some((problem) => !before.problems.includes(problem));
  if (isWorse || after.source !== 'primary' || !isNamed(after, slot, uuids)) {
    throw new AgentError({
      code: 'WRITE_FAILED',
      message: `The partition table of ${disk.path} does not read back as it was written.`,
      hint: 'The disk is failing; look at the messages of the kernel and replace it.',
    });
  }
}

/** The slot with this name. Throws AgentError NO_SYSTEM_DISK when the disk has none. */
export function slotOf(disk: SystemDisk, name: SlotName): Slot {
  const slot = disk.slots.find((one) => one.name === name);
  if (slot !== undefined) return slot;
  throw new AgentError({
    code: 'NO_SYSTEM_DISK',
    message: `${disk.path} has no partitions for ${slotTitle(name)}.`,
    hint:
      name === 'recovery'
        ? 'The bowl was built without a recovery slot; install a newer image to get one.'
        : 'Start the machine from its disk once: the first start makes them.',
  });
}

function isNamed({ partitions }: GptFound, { numbers }: Slot, uuids: SlotUuids): boolean {
  const guidOf = (number: number) => partitions.find((partition) => partition.number === number)?.partGuid;
  return guidOf(numbers.data) === uuids.data && guidOf(numbers.hash) === uuids.hash;
}
