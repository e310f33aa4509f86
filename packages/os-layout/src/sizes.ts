import { OsLayoutError } from './error.ts';

/** Bytes of a kibi-, mebi- and gibibyte. */
export const MIB = 2 ** 20;
export const GIB = 2 ** 30;

/** Bytes of the EFI system partition: three UKIs of the largest kind (arm64, 56 MB) and room to spare. */
export const ESP_SIZE_BYTES = GIB;

/** Bytes of the BIOS boot partition, where GRUB's core image lives. */
export const BIOS_BOOT_SIZE_BYTES = MIB;

/** The least a machine needs for its own state: logs, the container runtime's data, what the user brings. */
export const SMALLEST_STATE_SIZE_BYTES = 512 * MIB;

/** Where the first partition starts, and the room that the backup partition table and alignment need at the end. */
const TABLE_ROOM_BYTES = 2 * MIB;

const SLOT_STEP_BYTES = 256 * MIB;
const VERITY_STEP_BYTES = 8 * MIB;

/**
 * Size of a root slot for a root image of `rootBytes`: max(2 x root, root + 512 MiB), rounded up to 256 MiB.
 * A slot can never grow on machines in the field, so it has room for years of larger versions.
 *
 * @throws OsLayoutError `SIZE_INVALID`
 */
export function slotSizeBytes(rootBytes: number): number {
  checkSize('the root image', rootBytes);
  return roundUp(Math.max(2 * rootBytes, rootBytes + 512 * MIB), SLOT_STEP_BYTES);
}

/**
 * Size of the partition for the hash tree of a slot: one 4 KiB hash block for 128 data blocks, the levels above and
 * the superblock, rounded up to 8 MiB.
 *
 * @throws OsLayoutError `SIZE_INVALID`
 */
export function veritySizeBytes(slotBytes: number): number {
  checkSize('the slot', slotBytes);
  return roundUp(Math.ceil(slotBytes / 128) + MIB, VERITY_STEP_BYTES);
}

/** What decides how much disk a machine needs. */
export interface DiskDemand {
  /** Size of one root slot in bytes. */
  slotBytes: number;
  /** Whether a recovery pair is kept beside slots A and B. */
  recovery: boolean;
}

/**
 * The smallest disk that holds the whole layout: ESP, BIOS boot, slots A and B with their hash trees, the recovery
 * pair, and {@link SMALLEST_STATE_SIZE_BYTES} of state.
 */
export function smallestDiskBytes(demand: DiskDemand): number {
  const pair = demand.slotBytes + veritySizeBytes(demand.slotBytes);
  const pairs = demand.recovery ? 3 : 2;
  return TABLE_ROOM_BYTES + ESP_SIZE_BYTES + BIOS_BOOT_SIZE_BYTES + pairs * pair + SMALLEST_STATE_SIZE_BYTES;
}

/** Whether the whole layout fits a disk of `diskBytes`. */
export function fitsDisk(demand: DiskDemand, diskBytes: number): boolean {
  return smallestDiskBytes(demand) <= diskBytes;
}

/** Share of a slot (0 to 1) beyond which a build warns that the root outgrows it. */
export const SLOT_FULL_WARNING = 0.8;

function roundUp(bytes: number, step: number): number {
  return Math.ceil(bytes / step) * step;
}

function checkSize(what: string, bytes: number): void {
  if (Number.isSafeInteger(bytes) && bytes > 0) return;
  throw new OsLayoutError({ code: 'SIZE_INVALID', message: `${what} cannot be ${bytes} bytes large` });
}
