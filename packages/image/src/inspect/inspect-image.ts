import { basename, dirname, join } from 'node:path';
import type { Arch, Manifest } from '@bowline/spec';
import { ImageError } from '../error.ts';
import { detectImage, type ImageKind, unreadableImage } from './detect-image.ts';
import { type DiskFacts, inspectDisk, type PartitionFacts } from './inspect-disk.ts';
import { inspectUki, type UkiFacts } from './inspect-uki.ts';
import { locateImage, readManifest } from './locate-image.ts';
import { openQcow2 } from './qcow2-disk.ts';
import { type RandomBytes, withRandomFile } from './random-file.ts';

/** Everything `inspect` finds out about an image. */
export interface Inspection {
  path: string;
  kind: ImageKind;
  arch: Arch | undefined;
  name: string | undefined;
  version: string | undefined;
  imageId: string | undefined;
  debug: boolean;
  sizeBytes: number | undefined;
  /** Size of the disk inside, where the file is only a container of it. */
  diskBytes: number | undefined;
  /** Volume ID of an ISO. */
  volumeLabel: string | undefined;
  /** dm-verity root hash, from the manifest or from the kernel's command line. */
  rootHash: string | undefined;
  kernelVersion: string | undefined;
  squashfsBytes: number | undefined;
  partitions: PartitionFacts[];
  bootFiles: { path: string; sizeBytes: number }[];
  ukis: UkiFacts[];
  layers: { origin: string; digest: string; sizeBytes: number }[];
  artefacts: { output: string; arch: string; path: string; sizeBytes: number; sha256: string }[];
  /** What is wrong although it could be read. */
  problems: string[];
}

const NOTHING: DiskFacts = { partitions: [], bootFiles: [], ukis: [], problems: [] };

/**
 * Reads an image without starting it; `path` is absolute. A build folder shows its artefacts and the best of them.
 * Throws ImageError IMAGE_MISSING | IMAGE_UNREADABLE, FormatsError, SpecError MANIFEST_INVALID.
 */
export async function inspectImage(path: string, options: { signal?: AbortSignal } = {}): Promise<Inspection> {
  const kind = await detectImage(path).catch((error: unknown) => {
    throw unreadableImage(path, error);
  });
  options.signal?.throwIfAborted();
  const isFolder = kind === 'build' || kind === 'netboot' || kind === 'oci';
  const manifest = await readManifest(join(kind === 'build' ? path : dirname(path), 'manifest.json'));
  if (kind === 'build') {
    const best = await locateImage(path).catch(() => undefined);
    const found = best === undefined || best.kind === 'netboot' ? undefined : await readContent(best.path, best.kind);
    return combine(path, kind, manifest, best?.arch, found, true);
  }
  if (kind === 'unknown') {
    throw new ImageError({
      code: 'IMAGE_UNREADABLE',
      message: `${path} is no image that Bowline knows`,
      hint: 'Disk images (raw, .zst, qcow2), ISOs, UKIs and build folders can be inspected.',
    });
  }
  const name = basename(path);
  const entry = manifest?.files.find((file) => file.path === name || file.path.startsWith(`${name}/`));
  const found = isFolder ? undefined : await readContent(path, kind);
  return combine(path, kind, entry === undefined ? undefined : manifest, entry?.arch, found, false);
}

interface Content extends DiskFacts {
  sizeBytes: number;
  diskBytes?: number;
  volumeLabel?: string;
}

async function readContent(path: string, kind: ImageKind): Promise<Content> {
  return await withRandomFile(path, async (bytes) => {
    const { sizeBytes } = bytes;
    if (kind === 'uki') return { ...NOTHING, sizeBytes, ukis: [await inspectUki(basename(path), bytes)] };
    if (kind === 'qcow2') {
      const disk = await openQcow2(bytes);
      return { ...(await inspectDisk(disk)), sizeBytes, diskBytes: disk.sizeBytes };
    }
    if (kind === 'raw') return { ...(await inspectDisk(bytes)), sizeBytes };
    if (kind === 'iso') {
      // A hybrid ISO has a partition table, too; a plain one has not.
      const disk = await inspectDisk(bytes).catch(() => NOTHING);
      return { ...disk, sizeBytes, volumeLabel: await volumeLabel(bytes) };
    }
    return { ...NOTHING, sizeBytes, problems: ['what is inside shows only after unpacking: `zstd -d`'] };
  });
}

/** Volume ID of the primary volume descriptor (ECMA-119, 8.4.7). */
async function volumeLabel(bytes: RandomBytes): Promise<string> {
  return new TextDecoder('latin1').decode(await bytes.read(16 * 2048 + 40, 32)).trimEnd();
}

function combine(
  path: string,
  kind: ImageKind,
  manifest: Manifest | undefined,
  arch: Arch | undefined,
  found: Content | undefined,
  isBuild: boolean,
): Inspection {
  const ukis = found?.ukis ?? [];
  const known = arch ?? ukis[0]?.arch ?? archOfPartitions(found?.partitions ?? []);
  const root = known === undefined ? undefined : manifest?.roots[known];
  return {
    path,
    kind,
    arch: known,
    name: manifest?.name,
    version: manifest?.version,
    imageId: manifest?.imageId,
    debug: manifest?.debug ?? false,
    sizeBytes: isBuild ? undefined : found?.sizeBytes,
    diskBytes: found?.diskBytes,
    volumeLabel: found?.volumeLabel,
    rootHash: root?.rootHash ?? rootHashOf(ukis),
    kernelVersion: root?.kernelVersion ?? ukis.find((uki) => uki.kernelVersion !== undefined)?.kernelVersion,
    squashfsBytes: root?.squashfsBytes,
    partitions: found?.partitions ?? [],
    bootFiles: found?.bootFiles ?? [],
    ukis,
    layers: root?.layers ?? [],
    artefacts: isBuild ? (manifest?.files ?? []).map((file) => ({ ...file })) : [],
    problems: found?.problems ?? [],
  };
}

function archOfPartitions(partitions: readonly PartitionFacts[]): Arch | undefined {
  const root = partitions.find((partition) => partition.typeName.startsWith('root '));
  return root === undefined ? undefined : root.typeName.endsWith('arm64') ? 'arm64' : 'amd64';
}

function rootHashOf(ukis: readonly UkiFacts[]): string | undefined {
  for (const line of ukis.flatMap((uki) => uki.commandLines)) {
    const hash = /(?:^| )roothash=([0-9a-f]{64})(?: |$)/.exec(line)?.[1];
    if (hash !== undefined) return hash;
  }
  return undefined;
}
