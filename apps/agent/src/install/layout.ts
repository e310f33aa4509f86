import { randomUUID } from 'node:crypto';
import { PARTITION_TYPE, placePartitions, type SectorBytes } from '@bowline/formats';
import {
  diskLayout,
  MIB,
  type PartitionRole,
  SMALLEST_STATE_SIZE_BYTES,
  slotUuids,
  smallestDiskBytes,
} from '@bowline/os-layout';
import type { Arch } from '@bowline/spec';
import { AgentError } from '../error.ts';
import type { PlannedPartition } from './plan.ts';
import type { ExtraPartition } from './wish.ts';

/** What a disk is laid out for. */
export interface LayoutRequest {
  disk: { path: string; sizeBytes: number; sectorBytes: SectorBytes };
  arch: Arch;
  slotBytes: number;
  recovery: boolean;
  rootHash: string;
  extras: readonly ExtraPartition[];
  /** The least state gets where an extra partition takes the rest. */
  stateMib: number | undefined;
}

const MAX_NAME = 36;

/**
 * The partitions of an installed disk in the order of the table: what an image carries and extra partitions now, and then
 * what the initrd makes at the first start. State comes last, so that it grows with the disk.
 *
 * @throws AgentError DISK_INVALID when the disk is too small (says how much is needed); CONFIG_INVALID for extra
 *   partitions that cannot be made.
 */
export function layOutDisk(request: LayoutRequest): PlannedPartition[] {
  const { arch, slotBytes, recovery, rootHash, disk } = request;
  const layout = diskLayout({ arch, slotBytes, recovery });
  const extras = sizeExtras(request);
  const uuids = slotUuids(rootHash);
  const shipped = layout
    .filter((part) => part.shipped)
    .map((part) => ({
      role: part.role as PartitionRole | 'extra',
      label: part.label,
      typeGuid: part.typeGuid,
      partGuid: partGuid(part.role, uuids),
      sizeBytes: part.sizeBytes ?? 0,
      fileSystem: undefined as string | undefined,
      fileSystemLabel: '',
    }));
  const own = extras.map(({ name, sizeBytes, fileSystem, label }) => ({
    role: 'extra' as const,
    label: name,
    typeGuid: PARTITION_TYPE.linuxGeneric,
    partGuid: randomUUID(),
    sizeBytes,
    fileSystem: fileSystem === 'none' ? undefined : fileSystem,
    fileSystemLabel: label,
  }));
  const placed = placePartitions(
    [...shipped, ...own].map((part) => ({ ...part, name: part.label })),
    disk.sectorBytes,
  ).partitions;
  const later = layout.filter((part) => !part.shipped);
  return [
    ...placed.map(({ startLba, name: _name, ...part }, index) => ({
      ...part,
      number: index + 1,
      startBytes: startLba * disk.sectorBytes,
    })),
    ...later.map(({ role, label, typeGuid, sizeBytes }) => ({
      number: undefined,
      role,
      label,
      typeGuid,
      partGuid: undefined,
      sizeBytes: sizeBytes ?? stateBytes(request, extras),
      startBytes: undefined,
      fileSystem: role === 'state' ? 'ext4' : undefined,
      fileSystemLabel: '',
    })),
  ];
}

function partGuid(role: PartitionRole, uuids: { data: string; hash: string }): string {
  if (role === 'root-a') return uuids.data;
  return role === 'root-a-verity' ? uuids.hash : randomUUID();
}

interface SizedExtra {
  name: string;
  sizeBytes: number;
  fileSystem: string;
  label: string;
}

function sizeExtras(request: LayoutRequest): SizedExtra[] {
  const { disk, extras, slotBytes, recovery, stateMib } = request;
  const names = new Set(diskLayout(request).map(({ label }) => label));
  for (const { name } of extras) {
    if (name === '' || name.length > MAX_NAME)
      throw refuse(`an extra partition needs a name of 1 to ${MAX_NAME} letters`);
    if (names.has(name)) throw refuse(`two partitions have the name ${JSON.stringify(name)}`);
    names.add(name);
  }
  const openEnded = extras.filter(({ sizeMib }) => sizeMib === 0);
  if (openEnded.length > 1) throw refuse('only one extra partition can take what is left (size 0)');
  const fixed = extras.reduce((sum, { sizeMib }) => sum + sizeMib * MIB, 0);
  const needed = smallestDiskBytes({ slotBytes, recovery }) + fixed + extras.length * MIB;
  const least = needed + (openEnded.length > 0 ? MIB : 0);
  if (disk.sizeBytes < least) {
    const mib = (bytes: number) => `${Math.ceil(bytes / MIB)} MiB`;
    throw new AgentError({
      code: 'DISK_INVALID',
      message: `install: ${disk.path} has ${Math.floor(disk.sizeBytes / MIB)} MiB, and ${mib(least)} are needed.`,
      hint: 'Choose a larger disk, or smaller extra partitions.',
    });
  }
  const spare = disk.sizeBytes - needed;
  const forState = stateMib === undefined ? Math.floor(spare / 2) : stateMib * MIB - SMALLEST_STATE_SIZE_BYTES;
  const rest = Math.floor((spare - Math.max(0, forState)) / MIB) * MIB;
  if (openEnded.length > 0 && rest < MIB) throw refuse('partitions.persistent.size leaves nothing for size 0');
  return extras.map(({ name, sizeMib, fileSystem, label }) => ({
    name,
    sizeBytes: sizeMib === 0 ? rest : sizeMib * MIB,
    fileSystem,
    label,
  }));
}

/** About what state gets: all that the others leave. */
function stateBytes({ disk, slotBytes, recovery }: LayoutRequest, extras: readonly SizedExtra[]): number {
  const others = smallestDiskBytes({ slotBytes, recovery }) - SMALLEST_STATE_SIZE_BYTES;
  const taken = extras.reduce((sum, { sizeBytes }) => sum + sizeBytes + MIB, 0);
  return Math.floor((disk.sizeBytes - others - taken) / MIB) * MIB;
}

function refuse(why: string): AgentError {
  return new AgentError({
    code: 'CONFIG_INVALID',
    message: `install.extra-partitions: ${why}.`,
    hint: 'See install.extra-partitions in the reference of the configuration.',
  });
}
