import { createHash } from 'node:crypto';
import { type Guid, placeGrub, placePartitions, writeGpt } from '@bowline/formats';
import { type Digest, SparseFile } from '@bowline/host';
import { diskLayout, type PartitionRole, slotUuids } from '@bowline/os-layout';
import { writeEsp } from './esp.ts';
import { readGrubImages } from './grub.ts';
import type { SealedImage } from './sealed-image.ts';

const SECTOR_BYTES = 512;

/**
 * Writes the disk image: ESP, GRUB for a BIOS, and slot A with their places in the final layout; the machine makes the rest
 * at its first boot. Holes stay holes. GUIDs follow from the root hash, so the same image gives the same bytes. Returns size and sha256.
 */
export async function writeDisk(
  path: string,
  image: SealedImage,
  recovery: boolean,
  signal: AbortSignal,
): Promise<{ sizeBytes: number; sha256: Digest }> {
  const uuids = slotUuids(image.rootHash);
  const partGuid = (role: PartitionRole): Guid => {
    if (role === 'root-a') return uuids.data;
    return role === 'root-a-verity' ? uuids.hash : guidOf(image.rootHash, role);
  };
  const shipped = diskLayout({ arch: image.arch, slotBytes: image.slotBytes, recovery }).filter((part) => part.shipped);
  const { partitions, diskSizeBytes } = placePartitions(
    shipped.map((part) => ({
      role: part.role,
      typeGuid: part.typeGuid,
      partGuid: partGuid(part.role),
      name: part.label,
      sizeBytes: part.sizeBytes ?? 0,
      ...(part.role.startsWith('root') ? { attributes: ['read-only' as const, 'no-auto' as const] } : {}),
    })),
  );
  const gpt = writeGpt({ diskGuid: guidOf(image.rootHash, 'disk'), sizeBytes: diskSizeBytes, partitions });
  const file = await SparseFile.create(path, { hash: true, signal });
  try {
    const grub = await placedGrub(image, gpt.primary, partitions);
    await file.write(0, grub?.start ?? gpt.primary);
    for (const { role, startLba, sizeBytes } of partitions) {
      const startBytes = startLba * SECTOR_BYTES;
      if (role === 'esp') await writeEsp(file, { startBytes, sizeBytes }, image, 'disk');
      else if (role === 'bios-boot' && grub !== undefined) await file.write(startBytes, grub.core);
      else if (role === 'root-a') await file.copy(startBytes, { path: image.squashfs.path });
      else if (role === 'root-a-verity') await file.copy(startBytes, { path: image.verity.path });
    }
    await file.write(gpt.backupLba * SECTOR_BYTES, gpt.backup);
    const { digest } = await file.finish(diskSizeBytes);
    if (digest === undefined) throw new Error('the disk was not hashed');
    return { sizeBytes: diskSizeBytes, sha256: digest };
  } finally {
    await file.close();
  }
}

/** GRUB as it goes to this disk, with the start of the disk around its code; undefined where there is no BIOS. */
async function placedGrub(
  image: SealedImage,
  primary: Uint8Array,
  partitions: readonly { role: PartitionRole; startLba: number; sizeBytes: number }[],
): Promise<{ start: Uint8Array; core: Uint8Array } | undefined> {
  const images = await readGrubImages(image);
  const home = partitions.find(({ role }) => role === 'bios-boot');
  if (images === undefined || home === undefined) return undefined;
  const mbr = primary.subarray(0, SECTOR_BYTES);
  const placed = placeGrub(images, { mbr, lba: home.startLba, partitionBytes: home.sizeBytes });
  const start = new Uint8Array(primary);
  start.set(placed.mbr);
  return { start, core: placed.core };
}

/** A GUID that follows from the root hash and a purpose (RFC 9562, version 8). */
export function guidOf(rootHash: string, purpose: string): Guid {
  const bytes = createHash('sha256').update(`bowline guid ${purpose} ${rootHash}`).digest().subarray(0, 16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x80;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
