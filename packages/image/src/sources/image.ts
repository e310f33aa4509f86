import path from 'node:path';
import type { Digest } from '@bowline/host';
import {
  formatImageReference,
  type ImageReference,
  OciError,
  parseImageReference,
  pinImageReference,
} from '@bowline/oci';
import type { LockedSource } from '@bowline/spec';
import { ImageError } from '../error.ts';
import { ingestImage } from './ingest-image.ts';
import { openImage } from './open-image.ts';
import { requestDigest, type SourcePlan } from './pin.ts';
import type { ResolveContext } from './source.ts';

/**
 * Plans an `image:` base: of a registry, an OCI layout folder (`oci:`) or a docker-archive. What is local is identified by its
 * content, what is in a registry by its reference; the lock pins the manifest, so a tag that moves changes nothing.
 * Throws OciError, ImageError SOURCE_CHANGED when the registry no longer has the pinned manifest.
 */
export async function planImage(
  written: string,
  context: ResolveContext,
  kind: 'image' | 'kernel' | 'firmware' = 'image',
): Promise<SourcePlan> {
  const origin = kind === 'image' ? written : `${kind} of ${written}`;
  const reference = placeReference(parseImageReference(written), context.bowlFolder);
  const platform = { architecture: context.arch };
  if (reference.kind === 'registry') {
    return {
      kind,
      request: requestDigest({ kind: 'image', reference: formatImageReference(reference), arch: context.arch }),
      origin,
      local: false,
      async make(pinned) {
        const wanted = pinned?.manifest === undefined ? reference : pinImageReference(reference, pinned.manifest);
        const source = openImage(wanted, context);
        context.progress.note('asks the registry');
        const image = await source.resolve(platform, context.signal).catch((cause: unknown) => {
          throw pinned?.manifest !== undefined && isNotFound(cause)
            ? manifestGone(written, pinned.manifest, cause)
            : cause;
        });
        return { manifest: image.manifestDigest, layers: await ingestImage(source, image, context) };
      },
    };
  }
  const source = openImage(reference, context);
  const { locked } = context;
  const image = await source.resolve(platform, context.signal).catch((cause: unknown) => {
    if (!isNotFound(cause) || locked?.kind !== kind || locked.origin !== origin) throw cause;
    return cause;
  });
  if (image instanceof OciError) {
    const make = () => Promise.reject(image);
    return { kind, request: (locked as LockedSource).request, requestIsPinned: true, origin, local: true, make };
  }
  return {
    kind,
    request: requestDigest({ kind: 'image', manifest: image.manifestDigest, arch: context.arch }),
    origin,
    local: true,
    make: async () => ({ manifest: image.manifestDigest, layers: await ingestImage(source, image, context) }),
  };
}

/** Folders and files of local references start at the folder of the bowl. */
function placeReference(reference: ImageReference, bowlFolder: string): ImageReference {
  switch (reference.kind) {
    case 'registry':
      return reference;
    case 'oci-layout':
      return { ...reference, folder: path.resolve(bowlFolder, reference.folder) };
    case 'docker-archive':
      return { ...reference, file: path.resolve(bowlFolder, reference.file) };
  }
}

function isNotFound(cause: unknown): cause is OciError {
  return cause instanceof OciError && cause.code === 'NOT_FOUND';
}

function manifestGone(written: string, manifest: Digest, cause: OciError): ImageError {
  return new ImageError({
    code: 'SOURCE_CHANGED',
    message: `The registry of ${written} no longer has ${manifest}, which bowl.lock pins.`,
    hint: 'Import a store that still has the layers (bowline store import FILE), or take what the tag names now: bowline build --update.',
    cause,
  });
}
