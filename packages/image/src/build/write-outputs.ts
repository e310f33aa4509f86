import { mkdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type BlobStore, type Host, type Progress, sha256File, syncFolder, withScratchFolder } from '@bowline/host';
import type { Arch, OutputKind } from '@bowline/spec';
import type { MergedTree } from '../compose/merged-tree.ts';
import { ImageError } from '../error.ts';
import { OUTPUTS } from '../outputs/outputs.ts';
import { writeDisk } from '../seal/disk.ts';
import type { SealedImage } from '../seal/sealed-image.ts';
import type { Toolbox } from '../toolbox/toolbox.ts';
import type { BuiltFile } from './options.ts';

/** One architecture, sealed, with access to its tree for outputs that are not made of the squashfs. */
export interface SealedArch {
  image: SealedImage;
  recovery: boolean;
  tree: () => Promise<MergedTree>;
}

export interface WriteOutputsOptions {
  /** Folder of the build; artefacts appear in it whole, one after the other. */
  folder: string;
  outputs: readonly OutputKind[];
  host: Host;
  store: BlobStore;
  toolbox: () => Promise<Toolbox>;
  progress: Progress;
  signal: AbortSignal;
}

/**
 * Writes the outputs of one architecture: each below a scratch folder first, then hashed, made durable and renamed into place.
 *
 * @throws ImageError OUTPUT_REFUSED, and what an output throws
 */
export async function writeOutputs(sealed: SealedArch, options: WriteOutputsOptions): Promise<BuiltFile[]> {
  const { folder, signal } = options;
  for (const kind of options.outputs) refuseImpossible(sealed.image, kind);
  await mkdir(folder, { recursive: true });
  return withScratchFolder(join(folder, '.partial'), async (scratch) => {
    const diskPath = join(scratch, 'disk.raw');
    let disk: Promise<string> | undefined;
    const makeDisk = (): Promise<string> =>
      (disk ??= writeDisk(diskPath, sealed.image, sealed.recovery, signal).then(() => diskPath));
    const files: BuiltFile[] = [];
    for (const kind of options.outputs) {
      const output = OUTPUTS[kind];
      await options.progress.task(`${sealed.image.arch} ${output.title}`, async (progress) => {
        signal.throwIfAborted();
        const own = join(scratch, kind);
        await mkdir(own);
        const { image } = sealed;
        const names = await output.write({
          ...options,
          image,
          scratch: own,
          disk: makeDisk,
          tree: sealed.tree,
          progress,
        });
        for (const name of names)
          files.push(await publish(join(own, name), join(folder, name), image.arch, kind, signal));
        progress.note(names.length === 1 ? (names[0] ?? '') : `${names.length} files`);
      });
    }
    return files;
  }).finally(() => rm(join(folder, '.partial'), { recursive: true, force: true }));
}

function refuseImpossible(image: SealedImage, kind: OutputKind): void {
  const why = OUTPUTS[kind].refuse?.(image);
  if (why === undefined) return;
  throw new ImageError({
    code: 'OUTPUT_REFUSED',
    message: `${image.name} for ${image.arch} cannot be put out as ${kind}: ${why}`,
    hint: `leave ${kind} out of outputs`,
  });
}

async function publish(
  from: string,
  to: string,
  arch: Arch,
  output: OutputKind,
  signal: AbortSignal,
): Promise<BuiltFile> {
  const { digest: sha256, sizeBytes } = await sha256File(from, { signal });
  await mkdir(dirname(to), { recursive: true });
  await rename(from, to);
  await syncFolder(dirname(to));
  return { arch, output, path: to, sizeBytes, sha256 };
}

/** True when every file that a manifest names is there, whole, and no newer than the manifest that vouches for it. */
export async function filesUntouched(
  manifestPath: string,
  files: readonly { path: string; sizeBytes: number }[],
): Promise<boolean> {
  const manifest = await stat(manifestPath).catch(() => undefined);
  if (manifest === undefined) return false;
  for (const file of files) {
    const found = await stat(file.path).catch(() => undefined);
    if (found?.size !== file.sizeBytes || found.mtimeMs > manifest.mtimeMs) return false;
  }
  return true;
}

/** Text of a file, undefined where there is none. */
export async function readTextIfThere(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch(() => undefined);
}
