import { open } from 'node:fs/promises';
import { type FatFile, measureFat32, planFat32, readUkiPlaces } from '@bowline/formats';
import { SparseFile } from '@bowline/host';
import {
  type BootEntry,
  bootEntryName,
  bootEntryText,
  ENTRY_FOLDER,
  ESP_FILES,
  espRecord,
  grubEspFiles,
  loaderConfigText,
  SOURCE_EPOCH,
  UKI_PROFILE,
  type UkiMode,
  ukiPath,
} from '@bowline/os-layout';
import type { Arch } from '@bowline/spec';
import type { SealedImage, SizedFile } from './sealed-image.ts';
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

async function espFiles(image: SealedImage, mode: UkiMode): Promise<EspFiles> {
  const text = (value: string): Uint8Array => new TextEncoder().encode(value);
  const profile = UKI_PROFILE[mode];
  const entry: BootEntry = {
    generation: FIRST_GENERATION,
    title: `${image.name} ${image.version}`,
    ukiDigest: image.uki.sha256,
    ...(profile === 0 ? {} : { profile }),
  };
  return new Map<string, Uint8Array | { path: string; sizeBytes: number }>([
    ...LOADER_PATHS[image.arch].map((path) => [path, image.bootLoader] as const),
    ['loader/loader.conf', text(loaderConfigText())],
    ['loader/entries.srel', text('type1\n')],
    [`${ENTRY_FOLDER}/${bootEntryName(FIRST_GENERATION, 'good')}`, espRecord(bootEntryText(entry))],
    [ukiPath(image.uki.sha256), image.uki],
    ...(mode === 'disk' ? await diskFiles(image, entry) : grubForInstaller(image)),
  ]);
}

/** What a machine writes in place from its first start on, and what GRUB reads. */
async function diskFiles(image: SealedImage, entry: BootEntry): Promise<[string, Uint8Array][]> {
  const records: [string, Uint8Array][] = [ESP_FILES.starts, ESP_FILES.reason].map((path) => [path, espRecord('')]);
  if (image.grub === undefined) return records;
  const uki = await open(image.uki.path, 'r');
  try {
    const read = async (offset: number, length: number): Promise<Uint8Array> => {
      const bytes = new Uint8Array(length);
      return bytes.subarray(0, (await uki.read(bytes, 0, length, offset)).bytesRead);
    };
    const { kernel, initrd, commandLines } = await readUkiPlaces(read, image.uki.sizeBytes);
    const commandLine = commandLines[entry.profile ?? 0] ?? '';
    return [...records, ...grubEspFiles([{ ...entry, state: 'good', kernel, initrd, commandLine }])];
  } finally {
    await uki.close();
  }
}

/** A medium carries GRUB's images for the disks it is installed to. */
function grubForInstaller({ grub }: SealedImage): [string, SizedFile][] {
  return grub === undefined
    ? []
    : [
        [ESP_FILES.installBoot, grub.boot],
        [ESP_FILES.installCore, grub.core],
      ];
}

/** Writes the EFI system partition of an image into a region of a file. */
export async function writeEsp(
  to: SparseFile,
  region: { startBytes: number; sizeBytes: number },
  image: SealedImage,
  mode: UkiMode,
): Promise<void> {
  const files = await espFiles(image, mode);
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
  const sizeBytes = measureFat32({ files: fatFiles(await espFiles(image, mode)), label: LABEL });
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
