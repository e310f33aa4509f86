import {
  type GptFound,
  type GptPartition,
  type GptPartitionFound,
  PARTITION_TYPE,
  type UsableSectors,
} from '@bowline/formats';
import { diskLayout, TYPE_GUID } from '@bowline/os-layout';
import { AgentError } from '../error.ts';
import type { PartitionRequest } from './layout-request.ts';

/** What a disk is and what it shall become. */
export interface LayoutInput {
  table: Pick<GptFound, 'partitions'>;
  usable: UsableSectors;
  requests: readonly PartitionRequest[];
  /** Size in MiB the last partition grows to, 0 for all there is; undefined leaves it. */
  expandMib: number | undefined;
  /** GUIDs for new partitions, one each. */
  newGuid: () => string;
}

/** A partition to make. */
export interface PlannedPartition extends GptPartition {
  request: PartitionRequest;
}

/** What is to be done; nothing of it was. */
export interface LayoutPlan {
  add: readonly PlannedPartition[];
  /** Requests whose partition is there already. */
  present: readonly { request: PartitionRequest; partition: GptPartitionFound }[];
  /** The last partition and its new size; a new one is not named here: it is made with that size at once. */
  grow: { partition: GptPartitionFound; sizeBytes: number } | undefined;
  /** The last partition of the table as it is, when it was asked to grow. */
  last: GptPartitionFound | undefined;
}

const MIB = 1024 * 1024;
const SECTOR = 512;
const MIB_SECTORS = MIB / SECTOR;
/** Less free space than this is not worth a partition: what alignment leaves behind. */
const SMALLEST_FREE_SECTORS = 32 * MIB_SECTORS;
const MICROSOFT_DATA = 'ebd0a0a2-b9e5-4433-87c0-68b6b72699c7';
const LINUX_SWAP = '0657fd6d-a4ab-43c4-84e5-0933c84b4f4f';

/**
 * Plans: new partitions go behind the last one, on boundaries of 1 MiB, in their order; then the last partition grows.
 * Everything that is there keeps its place.
 *
 * @throws AgentError DISK_INVALID when something does not fit, would shrink, or is a partition of Bowline itself.
 */
export function planLayout(input: LayoutInput): LayoutPlan {
  const { partitions } = input.table;
  const present: { request: PartitionRequest; partition: GptPartitionFound }[] = [];
  const add: PlannedPartition[] = [];
  const end = alignDown(input.usable.lastLba + 1);
  const start = (): number => {
    const all = [...partitions, ...add].map(({ startLba, sizeBytes }) => startLba + sizeBytes / SECTOR);
    return alignUp(Math.max(input.usable.firstLba, 1, ...all));
  };
  for (const request of input.requests) {
    const partition = partitions.find(({ name }) => name === request.name);
    if (partition !== undefined) {
      present.push({ request, partition });
      continue;
    }
    const startLba = start();
    const free = Math.max(0, end - startLba);
    const sectors = request.sizeMib === 0 ? free : request.sizeMib * MIB_SECTORS;
    if (free < SMALLEST_FREE_SECTORS || sectors > free) {
      const wish = request.sizeMib === 0 ? 'at least 32' : String(request.sizeMib);
      throw tooSmall(`${request.name}: it needs ${wish} MiB, ${Math.floor(free / MIB_SECTORS)} MiB are free`);
    }
    add.push({
      request,
      name: request.name,
      typeGuid: typeOf(request),
      partGuid: input.newGuid(),
      startLba,
      sizeBytes: sectors * SECTOR,
      ...(request.bootable && !request.fileSystem.startsWith('fat') ? { attributes: ['legacy-bios-bootable'] } : {}),
    });
  }
  if (input.expandMib === undefined) return { add, present, grow: undefined, last: undefined };
  const made = add.at(-1);
  if (made !== undefined) {
    made.sizeBytes = grownSize(made, end, input.expandMib);
    return { add, present, grow: undefined, last: undefined };
  }
  const last = partitions.toSorted((a, b) => a.startLba - b.startLba).at(-1);
  if (last === undefined) throw tooSmall('expand_partition: there is no partition');
  const sizeBytes = grownSize(last, end, input.expandMib);
  // A rest that alignment leaves is no reason to write a table at every start.
  const isWorthIt = input.expandMib !== 0 || sizeBytes - last.sizeBytes >= SMALLEST_FREE_SECTORS * SECTOR;
  const grow = sizeBytes > last.sizeBytes && isWorthIt ? { partition: last, sizeBytes } : undefined;
  if (grow !== undefined && isProtected(last)) {
    throw new AgentError({
      code: 'DISK_INVALID',
      message: `layout does not change ${last.name}: it belongs to the system itself.`,
      hint: 'Add a partition of your own instead.',
    });
  }
  return { add, present, grow, last };
}

/** Names and types of the partitions that hold the system; only `state` may grow. */
function isProtected(partition: Pick<GptPartition, 'name' | 'typeGuid'>): boolean {
  if (partition.typeGuid === TYPE_GUID.state) return false;
  const types: string[] = [TYPE_GUID.esp, TYPE_GUID.biosBoot];
  for (const arch of ['amd64', 'arm64'] as const) types.push(TYPE_GUID.root[arch], TYPE_GUID.rootVerity[arch]);
  return types.includes(partition.typeGuid) || OWN_NAMES.has(partition.name);
}

const OWN_NAMES = new Set(
  diskLayout({ arch: 'amd64', slotBytes: MIB, recovery: true }).flatMap(({ label, role }) =>
    role === 'state' ? [] : [label],
  ),
);

function grownSize(partition: GptPartition, end: number, expandMib: number): number {
  const room = (end - partition.startLba) * SECTOR;
  const sizeBytes = expandMib === 0 ? Math.max(room, partition.sizeBytes) : expandMib * MIB;
  const nowMib = Math.floor(partition.sizeBytes / MIB);
  if (sizeBytes < partition.sizeBytes) {
    throw tooSmall(`expand_partition: ${expandMib} MiB would shrink ${partition.name}, which has ${nowMib} MiB`);
  }
  if (sizeBytes > room && sizeBytes !== partition.sizeBytes) {
    throw tooSmall(`expand_partition: ${expandMib} MiB do not fit, ${Math.floor(room / MIB)} MiB do`);
  }
  return sizeBytes;
}

function typeOf({ fileSystem, bootable }: PartitionRequest): string {
  if (fileSystem === 'swap') return LINUX_SWAP;
  if (!fileSystem.startsWith('fat')) return PARTITION_TYPE.linuxGeneric;
  return bootable ? PARTITION_TYPE.esp : MICROSOFT_DATA;
}

function alignUp(lba: number): number {
  return Math.ceil(lba / MIB_SECTORS) * MIB_SECTORS;
}

function alignDown(lba: number): number {
  return Math.floor(lba / MIB_SECTORS) * MIB_SECTORS;
}

function tooSmall(what: string): AgentError {
  return new AgentError({
    code: 'DISK_INVALID',
    message: `layout: ${what}.`,
    hint: 'Ask for less, or use a larger disk.',
  });
}
