import type { KernelSource } from '@bowline/spec';
import { emitTar } from '../compose/emit-tar.ts';
import { mergeLayers } from '../compose/merge-layers.ts';
import type { MergedTree } from '../compose/merged-tree.ts';
import { ingestLayer } from '../layers/ingest-layer.ts';
import { readLayerIndex } from '../layers/read-layer-index.ts';
import { runMmdebstrap } from '../toolbox/debian-tree.ts';
import { planImage } from './image.ts';
import { requestDigest, type SourcePlan } from './pin.ts';
import { planRootfs } from './rootfs.ts';
import type { LayerRef, ResolveContext } from './source.ts';

/** Where a kernel or firmware is taken from. */
export type PartWish =
  | { debian: { suite: 'bookworm' | 'trixie' | 'sid'; packages: readonly string[] } }
  | Exclude<KernelSource, 'base' | { debian: unknown }>;

/** Takes the wanted part out of a root, in whatever way: the result becomes one layer. */
export type CutPart = (tree: MergedTree, origin: string) => Promise<MergedTree>;

/**
 * Plans one layer that is only a part of a foreign root: of Debian packages that are extracted (nothing of them runs, so any
 * architecture works anywhere), of an image, or of a tar.
 */
export async function planPart(
  kind: 'kernel' | 'firmware',
  wish: PartWish,
  cut: CutPart,
  context: ResolveContext,
): Promise<SourcePlan> {
  const inner = await planWhole(kind, wish, context);
  return {
    kind,
    request: inner.requestIsPinned === true ? inner.request : requestDigest({ kind, of: inner.request }),
    ...(inner.requestIsPinned === true ? { requestIsPinned: true } : {}),
    origin: inner.origin,
    local: inner.local,
    async make(pinned) {
      const whole = await inner.make(pinned);
      const part = await cut(await readTree(whole.layers, context), inner.origin);
      const stream = emitTar(part, context.store, { signal: context.signal });
      const layer = await ingestLayer(
        {
          source: { kind: 'stream', stream },
          origin: inner.origin,
          limits: context.limits,
          progress: context.progress,
          signal: context.signal,
        },
        context.store,
      );
      return { ...whole, layers: [layer] };
    },
  };
}

/** Layers of the store as one tree. */
export async function readTree(
  layers: readonly LayerRef[],
  context: Pick<ResolveContext, 'store' | 'limits'>,
): Promise<MergedTree> {
  const inputs = [];
  for (const layer of layers)
    inputs.push({ layer, entries: await readLayerIndex(context.store, layer, context.limits) });
  return mergeLayers(inputs);
}

async function planWhole(kind: 'kernel' | 'firmware', wish: PartWish, context: ResolveContext): Promise<SourcePlan> {
  if ('rootfs' in wish) return planRootfs(wish.rootfs, context, kind);
  if ('image' in wish) return planImage(wish.image, context, kind);
  const { suite } = wish.debian;
  const packages = [...new Set(wish.debian.packages)].sort();
  return {
    kind,
    request: requestDigest({ kind: 'debian-extract', suite, packages, arch: context.arch }),
    origin: `${packages.join(', ')} of debian ${suite}`,
    local: false,
    async make(pinned) {
      const tree = await runMmdebstrap(
        {
          suite,
          arch: context.arch,
          variant: 'extract',
          include: packages,
          excludeDocs: true,
          ...(pinned?.packages === undefined ? {} : { pins: pinned.packages }),
        },
        {
          host: context.host,
          store: context.store,
          scratch: context.scratch,
          progress: context.progress,
          signal: context.signal,
          maxBytes: context.limits.maxLayerBytes,
        },
      );
      return { layers: [tree.layer], packages: tree.packages };
    },
  };
}
