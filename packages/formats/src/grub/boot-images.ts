import { FormatsError } from '../error.ts';

const SECTOR_BYTES = 512;
/** Code of sector 0 ends here: disk signature and partition table follow (UEFI 2.10, 5.2.1). */
const MBR_CODE_BYTES = 440;
/** boot.img: LBA of core.img (GRUB_BOOT_MACHINE_KERNEL_SECTOR in GRUB's include/grub/i386/pc/boot.h). */
const KERNEL_SECTOR = 0x5c;
/** boot.img: a jump that two NOPs replace, for BIOSes that pass a wrong drive (GRUB_BOOT_MACHINE_DRIVE_CHECK). */
const DRIVE_CHECK = 0x66;
/** core.img, first sector: the list of blocks to load ends here; one entry is 12 bytes (GRUB_BOOT_MACHINE_LIST_SIZE). */
const BLOCK_LIST = SECTOR_BYTES - 12;

/** What GRUB is made of on a BIOS disk, as grub-mkimage(1) and its package leave it: not told yet where it lies. */
export interface GrubImages {
  /** 512 bytes. */
  boot: Uint8Array;
  core: Uint8Array;
}

/** The same as it goes to a disk. */
export interface PlacedGrub {
  /** Sector 0, with the code of boot.img and the partition table that was there. */
  mbr: Uint8Array;
  /** core.img, whole sectors, for the BIOS boot partition. */
  core: Uint8Array;
}

/** Sectors of 512 bytes that core.img takes. */
export function coreSectors(core: Uint8Array): number {
  return Math.ceil(core.length / SECTOR_BYTES);
}

/**
 * Does what grub-bios-setup does for a disk with a BIOS boot partition: boot.img learns where core.img begins, and
 * core.img's first sector where its other sectors are. `mbr` is sector 0 of the disk, whose partition table is kept; `lba`
 * counts sectors of 512 bytes.
 *
 * @throws FormatsError `FORMAT_INPUT` for images that are no GRUB images, or too large for the partition.
 */
export function placeGrub(
  { boot, core }: GrubImages,
  place: { mbr: Uint8Array; lba: number; partitionBytes: number },
): PlacedGrub {
  const sectors = coreSectors(core);
  if (boot.length !== SECTOR_BYTES || boot[510] !== 0x55 || boot[511] !== 0xaa || boot[0] !== 0xeb) {
    throw wrong('boot.img is not one sector of boot code');
  }
  if (place.mbr.length !== SECTOR_BYTES) throw wrong('sector 0 of the disk has another size than 512 bytes');
  if (sectors * SECTOR_BYTES > place.partitionBytes) {
    throw wrong(`core.img needs ${sectors * SECTOR_BYTES} bytes, the BIOS boot partition has ${place.partitionBytes}`);
  }
  const placed = new Uint8Array(sectors * SECTOR_BYTES);
  placed.set(core);
  const list = new DataView(placed.buffer);
  // grub-mkimage leaves one entry: all sectors from the second on, as if core.img were at sector 1.
  if (sectors < 2 || list.getUint16(BLOCK_LIST + 8, true) !== sectors - 1) {
    throw wrong('core.img does not begin with the list of its own sectors');
  }
  list.setBigUint64(BLOCK_LIST, BigInt(place.lba + 1), true);
  const mbr = new Uint8Array(place.mbr);
  mbr.set(boot.subarray(0, MBR_CODE_BYTES));
  const code = new DataView(mbr.buffer);
  code.setBigUint64(KERNEL_SECTOR, BigInt(place.lba), true);
  code.setUint16(DRIVE_CHECK, 0x9090, true);
  return { mbr, core: placed };
}

function wrong(message: string): FormatsError {
  return new FormatsError({ code: 'FORMAT_INPUT', message: `GRUB: ${message}` });
}
