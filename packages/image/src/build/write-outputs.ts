import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type BlobStore, type Host, type Progress, sha256File } from '@bowline/host';
import type { OutputKind } from '@bowline/spec';
import type { MergedTree } from '../compose/merged-tree.ts';
import { ImageError } from '../error.ts';
import type { KernelTree } from '../initrd/kernel-modules.ts';
import type { HashedFile } from '../outputs/output.ts';
import { OUTPUTS } from '../outputs/outputs.ts';
import type { ReleaseKey } from '../release/release-key.ts';
import { writeDisk } from '../seal/disk.ts';
import type { SealedImage } from '../seal/sealed-image.ts';
import type { Toolbox } from '../toolbox/toolbox.ts';
import type { StagedFile } from './publish.ts';

/** One architecture, sealed, with access to its tree for outputs that are not made of the squashfs. */
export interface SealedArch {
  image: SealedImage;
  recovery: boolean;
  tree: () => Promise<MergedTree>;
  kernel: () => Promise<KernelTree>;
}

export interface StageOptions {
  /** Private folder on the file system of the results; the caller removes it on every path. */
  scratch: string;
  outputs: readonly OutputKind[];
  host: Host;
  store: BlobStore;
  releaseKey: ReleaseKey | undefined;
  toolbox: () => Promise<Toolbox>;
  progress: Progress;
  signal: AbortSignal;
}

/**
 * Writes the outputs of one architecture below a scratch folder and hashes them; nobody sees them before they are published.
 *
 * @throws ImageError OUTPUT_REFUSED, before anything is written, and what an output throws
 */
export async function stageOutputs(sealed: SealedArch, options: StageOptions): Promise<StagedFile[]> {
  const { signal } = options;
  const { image, recovery, tree, kernel } = sealed;
  for (const kind of options.outputs) refuseImpossible(image, kind);
  const scratch = join(options.scratch, image.arch);
  await mkdir(scratch);
  const diskPath = join(scratch, 'disk.raw');
  let made: Promise<HashedFile> | undefined;
  const disk = (): Promise<HashedFile> =>
    (made ??= writeDisk(diskPath, image, recovery, signal).then((written) => ({ path: diskPath, ...written })));
  const staged: StagedFile[] = [];
  for (const kind of options.outputs) {
    const output = OUTPUTS[kind];
    await options.progress.task(`${image.arch} ${output.title}`, async (progress) => {
      signal.throwIfAborted();
      const own = join(scratch, kind);
      await mkdir(own);
      const written = await output.write({ ...options, image, scratch: own, disk, tree, kernel, progress });
      for (const file of written) {
        const { path: name, sizeBytes, sha256 } = typeof file === 'string' ? await hashed(own, file, signal) : file;
        staged.push({ folder: own, name, arch: image.arch, output: kind, sizeBytes, sha256 });
      }
      const names = staged.slice(-written.length).map(({ name }) => name);
      progress.note(names.length === 1 ? (names[0] ?? '') : `${names.length} files`);
    });
  }
  return staged;
}

async function hashed(folder: string, path: string, signal: AbortSignal): Promise<HashedFile> {
  const { digest: sha256, sizeBytes } = await sha256File(join(folder, path), { signal });
  return { path, sizeBytes, sha256 };
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
