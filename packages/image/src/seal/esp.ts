import { type FatFile, measureFat32, planFat32 } from '@bowline/formats';
import { SparseFile } from '@bowline/host';
import {
  bootEntryName,
  bootEntryText,
  ENTRY_FOLDER,
  espRecord,
  loaderConfigText,
  SOURCE_EPOCH,
  UKI_PROFILE,
  type UkiMode,
  ukiPath,
} from '@bowline/os-layout';
import type { Arch } from '@bowline/spec';
import type { SealedImage } from './sealed-image.ts';
import { writeExtents } from './write-extents.ts';

/** Default boot path (UEFI 2.10, 3.5.1.1) and the loader's own name, per architecture. */
const LOADER_PATHS = {
  amd64: ['EFI/BOOT/BOOTX64.EFI', 'EFI/systemd/systemd-bootx64.efi'],
  arm64: ['EFI/BOOT/BOOTAA64.EFI', 'EFI/systemd/systemd-bootaa64.efi'],
} as const satisfies Record<Arch, readonly string[]>;

const LABEL = 'BOWLINE';

/** Files of the ESP by path: text, or the path of a file on this machine. */
type EspFiles = Map<string, Uint8Array | { path: string; sizeBytes: number }>;

/** The first version on a machine has no predecessor to go back to, so its entry is not counted. */
const FIRST_GENERATION = 1;

function espFiles(image: SealedImage, mode: UkiMode): EspFiles {
  const text = (value: string): Uint8Array => new TextEncoder().encode(value);
  const profile = UKI_PROFILE[mode];
  const entry = bootEntryText({
    generation: FIRST_GENERATION,
    title: `${image.name} ${image.version}`,
    ukiDigest: image.uki.sha256,
    ...(profile === 0 ? {} : { profile }),
  });
  return new Map<string, Uint8Array | { path: string; sizeBytes: number }>([
    ...LOADER_PATHS[image.arch].map((path) => [path, image.bootLoader] as const),
    ['loader/loader.conf', text(loaderConfigText())],
    ['loader/entries.srel', text('type1\n')],
    [`${ENTRY_FOLDER}/${bootEntryName(FIRST_GENERATION, 'good')}`, espRecord(entry)],
    [ukiPath(image.uki.sha256), image.uki],
  ]);
}

/** Writes the EFI system partition of an image into a region of a file. */
export async function writeEsp(
  to: SparseFile,
  region: { startBytes: number; sizeBytes: number },
  image: SealedImage,
  mode: UkiMode,
): Promise<void> {
  const files = espFiles(image, mode);
  const { extents } = planFat32({
    files: fatFiles(files),
    volumeSizeBytes: region.sizeBytes,
    volumeId: Number.parseInt(image.rootHash.slice(0, 8), 16),
    label: LABEL,
    epochSeconds: SOURCE_EPOCH,
    hiddenSectors: region.startBytes / 512,
  });
  const sources = new Map(
    [...files].map(([path, file]) => [path, file instanceof Uint8Array ? file : file.path] as const),
  );
  await writeExtents(to, region.startBytes, extents, sources);
}

/** Writes an ESP as a file of its own, as small as its content allows: what an ISO carries. */
export async function writeEspImage(
  path: string,
  image: SealedImage,
  mode: UkiMode,
  signal: AbortSignal,
): Promise<void> {
  const sizeBytes = measureFat32({ files: fatFiles(espFiles(image, mode)), label: LABEL });
  const file = await SparseFile.create(path, { hash: false, signal });
  try {
    await writeEsp(file, { startBytes: 0, sizeBytes }, image, mode);
    await file.finish(sizeBytes);
  } finally {
    await file.close();
  }
}

function fatFiles(files: EspFiles): FatFile[] {
  return [...files].map(([path, file]) => ({
    path,
    sizeBytes: file instanceof Uint8Array ? file.length : file.sizeBytes,
  }));
}
