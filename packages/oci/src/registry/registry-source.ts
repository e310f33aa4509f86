import type { Digest } from '@bowline/host';
import { parseManifest } from '../manifest/parse-manifest.ts';
import { type FetchedManifest, resolveImage } from '../manifest/resolve-image.ts';
import { formatImageReference, type RegistryReference } from '../reference/image-reference.ts';
import type { ImageSource } from '../source/image-source.ts';
import { readWhole } from '../source/read-whole.ts';
import type { Registry } from './registry.ts';

/** An image in a registry. The tag is looked up once; from then on everything is asked for by digest. */
export function createRegistrySource(registry: Registry, reference: RegistryReference): ImageSource {
  const { registry: host, repository } = reference;
  const origin = formatImageReference(reference);
  let rootDigest: Digest | undefined;
  const fetchOne = async (wanted: string, signal: AbortSignal | undefined): Promise<FetchedManifest> => {
    const raw = await registry.fetchManifest(host, repository, wanted, signal);
    return { digest: raw.digest, parsed: parseManifest(raw.bytes, raw.mediaType, `The manifest of ${origin}`) };
  };
  return {
    origin,
    resolve: async (platform, signal) => {
      const root = await fetchOne(rootDigest ?? reference.digest ?? reference.tag ?? 'latest', signal);
      rootDigest ??= root.digest;
      // A second look-up that ran at the same time may have seen a tag that moved in between: the first one counts.
      const agreed = root.digest === rootDigest ? root : await fetchOne(rootDigest, signal);
      const reader = {
        readManifest: async (descriptor: { digest: Digest }) => fetchOne(descriptor.digest, signal),
        readConfig: async (descriptor: { digest: Digest; size: number }) =>
          readWhole(
            (blob) => registry.openBlob(host, repository, blob, signal),
            descriptor,
            `The configuration of ${origin}`,
          ),
      };
      return resolveImage(agreed, reader, platform, origin);
    },
    openLayer: (layer, signal) => registry.openBlob(host, repository, layer, signal),
  };
}
