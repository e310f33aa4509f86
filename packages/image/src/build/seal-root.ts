import { stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { IndexedEntry } from '@bowline/formats';
import type { BlobStore, Digest, TaskProgress } from '@bowline/host';
import type { Arch, Bowl } from '@bowline/spec';
import type { DerivedCache } from '../cache/derived-cache.ts';
import { addToTree, applyRootChanges, removeFromTree } from '../compose/additions.ts';
import { applyImageRules } from '../compose/apply-rules.ts';
import { buildSquashfs } from '../compose/build-squashfs.ts';
import { formatVerity, verityParameters } from '../compose/format-verity.ts';
import { mergeLayers } from '../compose/merge-layers.ts';
import { type MergedTree, walkTree } from '../compose/merged-tree.ts';
import { listTree, readFileFromTree, treeReader } from '../compose/read-tree.ts';
import { configureRoot } from '../configure/configure.ts';
import { FileTree } from '../initrd/file-tree.ts';
import { type KernelTree, requireModules } from '../initrd/kernel-modules.ts';
import { readLayerIndex } from '../layers/read-layer-index.ts';
import { runtimeAdditions } from '../runtime/runtime-additions.ts';
import { fitBase } from '../runtime/runtime-files.ts';
import { type FoundKernel, findKernel } from '../sources/kernel/find-kernel.ts';
import { indexModules } from '../sources/kernel/module-index.ts';
import type { LayerLimits, LayerRef } from '../sources/source.ts';
import type { Toolbox } from '../toolbox/toolbox.ts';
import { checkInit } from './check-init.ts';
import { runtimeDigest } from './own-digest.ts';
import { planRoot, type RootStep, stepKey } from './plan.ts';
import { ROOT_FILES, RootRecord } from './root-record.ts';

/** A layer of the root, and what it brings. */
export interface RootLayer {
  layer: LayerRef;
  /** A kernel, firmware or the agent is foreign to the layers below it. */
  part: 'base' | 'kernel' | 'firmware' | 'agent';
}

/** What sealing a root needs. */
export interface SealRootOptions {
  bowl: Bowl;
  bowlFolder: string;
  arch: Arch;
  layers: readonly RootLayer[];
  /** Digests of the bowl's own files, from the lock. */
  files: Readonly<Record<string, string>>;
  limits: LayerLimits;
  store: BlobStore;
  cache: DerivedCache;
  toolbox: () => Promise<Toolbox>;
  scratch: string;
  progress: TaskProgress;
  signal: AbortSignal;
}

/** The sealed root, and access to the tree behind it for those steps that need more than its files. */
export interface SealedRoot {
  step: RootStep;
  folder: string;
  record: RootRecord;
  cached: boolean;
  /** The root as it was composed; read again from the layers' indexes when the result came from the cache. */
  tree: () => Promise<MergedTree>;
  /** The kernel with its modules. */
  kernel: () => Promise<KernelTree>;
}

/**
 * Composes, compresses and seals the root of one architecture, or finds it in the cache.
 *
 * @throws ImageError LAYER_INVALID | KERNEL_MISSING | KERNEL_MODULE_MISSING | INIT_MISSING | ARCH_MISMATCH | SQUASHFS_FAILED
 */
export async function sealRoot(options: SealRootOptions): Promise<SealedRoot> {
  const { bowl, arch, store, signal, progress } = options;
  const layers = options.layers.map(({ layer, part }) => ({ diffId: layer.diffId, foreign: part !== 'base' }));
  const runtime = await runtimeDigest({ name: bowl.name, version: bowl.version, arch });
  const step = planRoot(bowl, arch, layers, options.files, runtime, (await options.toolbox()).digest);
  const composed = once(() => composeRoot(options));
  const { folder, record, cached } = await options.cache.derive({
    key: stepKey(step),
    parse: (value) => RootRecord.parse(value),
    signal,
    onWait: () => progress.note('another build makes the same root; waiting for it'),
    make: async (into) => {
      const { tree, kernel } = await composed();
      return writeRoot(tree, kernel, into, stepKey(step), options);
    },
  });
  if (cached) progress.note('unchanged');
  return {
    step,
    folder,
    record,
    cached,
    tree: async () => (await composed()).tree,
    kernel: async () => kernelTree((await composed()).kernel, store),
  };
}

interface ComposedRoot {
  tree: MergedTree;
  kernel: FoundKernel;
}

async function composeRoot(options: SealRootOptions): Promise<ComposedRoot> {
  const { bowl, store, arch, limits, toolbox } = options;
  const inputs = await Promise.all(
    options.layers.map(async ({ layer, part }) => ({
      part,
      layer,
      foreign: part !== 'base',
      // Limits are for what comes from elsewhere.
      entries: await readLayerIndex(store, layer, part === 'agent' ? undefined : limits),
    })),
  );
  const tree = mergeLayers(inputs);
  const base = options.layers[0]?.layer.origin ?? 'the base';
  await checkInit(tree, store, arch, base);
  const ownKernel = inputs.filter(({ part }) => part === 'kernel');
  const kernel =
    ownKernel.length === 0
      ? await findKernel(tree, store, arch, base)
      : await findKernel(mergeLayers(ownKernel), store, arch, ownKernel[0]?.layer.origin ?? base);
  await indexModules(kernel, { ...options, toolbox });
  await requireModules(kernelTree(kernel, store));
  keepOnlyKernel(tree, kernel.version);
  applyImageRules(tree);
  addToTree(tree, fitBase(await runtimeAdditions({ name: bowl.name, version: bowl.version, arch }), tree));
  applyRootChanges(tree, await configureRoot(treeReader(tree, store), bowl, options.bowlFolder));
  return { tree, kernel };
}

/** The modules of kernels that will never run are dead weight, and a trap for whoever looks for the running one. */
function keepOnlyKernel(tree: MergedTree, version: string): void {
  for (const folder of ['usr/lib/modules', 'lib/modules']) {
    for (const { name } of listTree(tree, folder)) if (name !== version) removeFromTree(tree, `${folder}/${name}`);
  }
}

async function writeRoot(
  tree: MergedTree,
  kernel: FoundKernel,
  folder: string,
  key: Digest,
  options: SealRootOptions,
): Promise<RootRecord> {
  const { store, signal, progress } = options;
  const toolbox = await options.toolbox();
  const squashfs = join(folder, ROOT_FILES.squashfs);
  const verity = join(folder, ROOT_FILES.verity);
  const { sizeBytes } = await buildSquashfs({ tree, store, toolbox, outputPath: squashfs, progress, signal });
  const parameters = verityParameters(key);
  const { rootHash } = await formatVerity({ squashfs, out: verity, toolbox, ...parameters, signal });
  await writeFile(join(folder, ROOT_FILES.kernel), kernel.image);
  const { size: verityBytes } = await stat(verity);
  return {
    rootHash,
    squashfsBytes: sizeBytes,
    verityBytes,
    kernelVersion: kernel.version,
    kernelBytes: kernel.image.length,
    entries: countNames(tree),
  };
}

function countNames(tree: MergedTree): number {
  let count = 0;
  for (const _name of walkTree(tree)) count += 1;
  return count;
}

/** The kernel as the initrd wants it: entries by path, bytes on demand. */
function kernelTree(kernel: FoundKernel, store: BlobStore): KernelTree {
  const entries: IndexedEntry[] = [];
  for (const { path, node } of walkTree(kernel.tree)) {
    if (path !== '') entries.push({ ...node.inode.meta, path });
  }
  const read = async (entry: IndexedEntry): Promise<Uint8Array> =>
    (await readFileFromTree(kernel.tree, store, entry.path)) ?? new Uint8Array();
  return { version: kernel.version, tree: new FileTree({ entries, read }) };
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => (made ??= make());
}
