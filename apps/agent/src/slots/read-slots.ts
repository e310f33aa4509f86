import {
  type FormatsError,
  type GptEnds,
  type GptFound,
  type GptPartitionFound,
  parseGpt,
  type SectorBytes,
} from '@bowline/formats';
import { rootHashOf, TYPE_GUID } from '@bowline/os-layout';
import { withDevice } from '../disk/device-bytes.ts';
import { AgentError } from '../error.ts';
import { type Region, SLOT_LABELS, type Slot, type SlotName } from './slots.ts';

/** Enough for tables of 512 entries; all known tools make 128. A multiple of 4096. */
const END_BYTES = 160 * 512;
const NAMES = ['a', 'b', 'recovery'] as const satisfies readonly SlotName[];

/** Both ends of a disk, where its partition tables are. */
export async function readDiskEnds(device: Region, sectorBytes: SectorBytes): Promise<GptEnds> {
  const length = Math.min(END_BYTES, device.sizeBytes);
  return withDevice(device.path, async (read) => ({
    start: await read(device.offsetBytes, length),
    end: await read(device.offsetBytes + device.sizeBytes - length, length),
    diskSizeBytes: device.sizeBytes,
    sectorBytes,
  }));
}

/** Throws AgentError NO_SYSTEM_DISK when neither copy of the table can be read. `path` is for the message. */
export async function readDiskTable(device: Region, sectorBytes: SectorBytes, path: string): Promise<GptFound> {
  const ends = await readDiskEnds(device, sectorBytes);
  try {
    return parseGpt(ends);
  } catch (cause) {
    throw new AgentError({
      code: 'NO_SYSTEM_DISK',
      message: `The partition table of ${path} cannot be read: ${(cause as FormatsError).message}.`,
      hint: 'Look at it with sgdisk -v, and install the machine again if nothing else helps.',
      cause,
    });
  }
}

/** What the partitions of a table are to an upgrade. */
export interface SlotsFound {
  slots: readonly Slot[];
  esp: Region;
  espNumber: number;
}

/**
 * Finds slots and ESP by the names of their partitions. `regionOf` says where the bytes of a partition are.
 * Throws AgentError NO_SYSTEM_DISK without an ESP or without slot A.
 */
export async function readSlots(
  table: GptFound,
  path: string,
  regionOf: (partition: GptPartitionFound) => Promise<Region>,
): Promise<SlotsFound> {
  const byName = (name: string) => table.partitions.find((partition) => partition.name === name);
  const esp = table.partitions.find(({ typeGuid }) => typeGuid === TYPE_GUID.esp);
  const slots: Slot[] = [];
  for (const name of NAMES) {
    const [data, hash] = [byName(SLOT_LABELS[name].data), byName(SLOT_LABELS[name].hash)];
    if (data === undefined || hash === undefined) continue;
    const guids = { data: data.partGuid, hash: hash.partGuid };
    slots.push({
      name,
      data: await regionOf(data),
      hash: await regionOf(hash),
      numbers: { data: data.number, hash: hash.number },
      rootHash: rootHashOf(guids, name === 'recovery' ? 'recovery' : 'version'),
    });
  }
  if (esp === undefined || slots[0]?.name !== 'a') {
    throw new AgentError({
      code: 'NO_SYSTEM_DISK',
      message: `${path} has no ${esp === undefined ? 'EFI system partition' : 'slot A'}: it is no disk of this system.`,
      hint: 'Install the system on it first: bowline-agent install.',
    });
  }
  return { slots, esp: await regionOf(esp), espNumber: esp.number };
}
