import { lstat } from 'node:fs/promises';
import path from 'node:path';
import type { Arch } from '@bowline/spec';
import { ImageError } from '../error.ts';
import { ingestLayer } from '../layers/ingest-layer.ts';
import { requestDigest, type SourcePlan } from './pin.ts';
import type { LayerRef, ResolveContext } from './source.ts';
import { toolboxXz } from './toolbox-xz.ts';

/** A tar of a root, one for every architecture or one each. */
export type RootfsWish = string | { amd64?: string | undefined; arm64?: string | undefined };

/** The path for one architecture. Throws ImageError SOURCE_MISSING when the bowl names none for it. */
export function rootfsPath(wish: RootfsWish, arch: Arch): string {
  const written = typeof wish === 'string' ? wish : wish[arch];
  if (written !== undefined) return written;
  throw new ImageError({
    code: 'SOURCE_MISSING',
    message: `rootfs: names no tar for ${arch}.`,
    hint: `Add rootfs.${arch}, or build without ${arch}.`,
  });
}

/**
 * Plans a `rootfs:` base. The tar is beside the bowl, so it is read here, once: its uncompressed digest is its identity, whatever
 * it is called and however it is compressed. When it is gone but the lock pins it, the store answers.
 * Throws ImageError SOURCE_MISSING, LAYER_INVALID, LAYER_TOO_LARGE.
 */
export async function planRootfs(
  wish: RootfsWish,
  context: ResolveContext,
  kind: 'rootfs' | 'kernel' | 'firmware' = 'rootfs',
): Promise<SourcePlan> {
  const written = rootfsPath(wish, context.arch);
  const origin = kind === 'rootfs' ? `rootfs ${written}` : `${kind} of rootfs ${written}`;
  const file = path.resolve(context.bowlFolder, written);
  const found = await lstat(file).catch(() => undefined);
  const { locked } = context;
  if (found === undefined && locked?.kind === kind && locked.origin === origin)
    return { kind, request: locked.request, requestIsPinned: true, origin, local: true, make: () => missing(written) };
  if (found === undefined) return missing(written);
  const layer: LayerRef = await ingestLayer(
    {
      source: { kind: 'file', path: file },
      origin,
      limits: context.limits,
      xz: toolboxXz(context),
      progress: context.progress,
      signal: context.signal,
    },
    context.store,
  );
  return {
    kind,
    request: requestDigest({ kind: 'rootfs', diffId: layer.diffId }),
    origin,
    local: true,
    make: async () => ({ layers: [layer] }),
  };
}

async function missing(written: string): Promise<never> {
  throw new ImageError({
    code: 'SOURCE_MISSING',
    message: `The root file system tar ${written} does not exist.`,
    hint: 'Paths in a bowl start at the folder of the bowl. A store that was exported with its lock has it too: bowline store import FILE.',
  });
}
