import { readFile, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { smallestDiskBytes } from '@bowline/os-layout';
import { Arch, type Manifest, type OutputKind, parseManifest } from '@bowline/spec';
import { ImageError } from '../error.ts';
import { detectArch } from './detect-arch.ts';
import { detectImage, type ImageKind, unreadableImage } from './detect-image.ts';

const MAX_MANIFEST_BYTES = 16 * 2 ** 20;

/** Kinds of image a machine can start from. */
export type BootableKind = Exclude<ImageKind, 'build' | 'oci' | 'unknown'>;

/** An image a machine can start from, and what is known about it. */
export interface BootableImage {
  path: string;
  kind: BootableKind;
  arch: Arch;
  /** True when the manifest says that it has a root shell on its second serial port. */
  debug: boolean;
  /** Smallest disk in bytes that the layout of the image fits, where the manifest tells. */
  smallestDiskBytes: number | undefined;
}

/** In this order a build folder is searched for something to boot. */
const PREFERENCE: readonly OutputKind[] = ['raw', 'qcow2', 'raw-zst', 'iso', 'netboot', 'uki'];

/**
 * Finds what to boot at a path: an artefact itself, or the best one of a build folder.
 * Throws ImageError IMAGE_MISSING when there is nothing, IMAGE_UNREADABLE when it cannot be booted.
 */
export async function locateImage(path: string, wanted?: Arch): Promise<BootableImage> {
  const kind = await detect(path);
  if (kind === 'build') return await locateInBuild(path, wanted);
  if (kind === 'unknown' || kind === 'oci') {
    throw new ImageError({
      code: 'IMAGE_UNREADABLE',
      message: `${path} is ${kind === 'oci' ? 'a container image' : 'no image'} that a machine could boot from`,
      hint: 'Give a disk image, qcow2, ISO or UKI, a netboot folder, or the folder of a build.',
    });
  }
  const manifest = await readManifest(join(dirname(path), 'manifest.json'));
  const name = basename(path);
  const entry = manifest?.files.find((file) => file.path === name || file.path.startsWith(`${name}/`));
  const arch = wanted ?? entry?.arch ?? (await detectArch(path, kind)) ?? 'amd64';
  return { path, kind, arch, ...manifestFacts(entry === undefined ? undefined : manifest, arch) };
}

/** Reads a manifest.json; undefined when there is none. Throws SpecError MANIFEST_INVALID, ImageError IMAGE_UNREADABLE. */
export async function readManifest(path: string): Promise<Manifest | undefined> {
  const info = await stat(path).catch(() => undefined);
  if (info === undefined || !info.isFile()) return undefined;
  if (info.size > MAX_MANIFEST_BYTES) {
    throw new ImageError({
      code: 'IMAGE_UNREADABLE',
      message: `${path} is too large for a manifest: ${info.size} bytes`,
    });
  }
  return parseManifest(await readFile(path, 'utf8'), path);
}

async function locateInBuild(folder: string, wanted: Arch | undefined): Promise<BootableImage> {
  const manifest = await readManifest(join(folder, 'manifest.json'));
  const hostArch: Arch = process.arch === 'arm64' ? 'arm64' : 'amd64';
  const archs = wanted === undefined ? [hostArch, ...Arch.options] : [wanted];
  for (const arch of archs) {
    for (const output of PREFERENCE) {
      const entry = manifest?.files.find((file) => file.arch === arch && file.output === output);
      if (entry === undefined) continue;
      const path = join(folder, output === 'netboot' ? dirname(entry.path) : entry.path);
      const kind = await detectImage(path).catch(() => 'unknown' as const);
      if (kind === 'unknown' || kind === 'build' || kind === 'oci') continue;
      return { path, kind, arch, ...manifestFacts(manifest, arch) };
    }
  }
  throw new ImageError({
    code: 'IMAGE_MISSING',
    message: `${folder} holds no image for ${wanted ?? 'any architecture'} that a machine could boot from`,
    hint: 'Build one: `bowline build BOWL --output raw`.',
  });
}

function manifestFacts(manifest: Manifest | undefined, arch: Arch): Pick<BootableImage, 'debug' | 'smallestDiskBytes'> {
  const slotBytes = manifest?.roots[arch]?.slotBytes;
  return {
    debug: manifest?.debug ?? false,
    smallestDiskBytes: slotBytes === undefined ? undefined : smallestDiskBytes({ slotBytes, recovery: true }),
  };
}

async function detect(path: string): Promise<ImageKind> {
  try {
    return await detectImage(path);
  } catch (error) {
    throw unreadableImage(path, error);
  }
}
