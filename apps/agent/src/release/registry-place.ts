import { formatImageReference, type Registry, type RegistryReference } from '@bowline/oci';
import type { ReleasePlace } from './place.ts';

/** A release in a container registry. Its trust in certificates, its logins and its retries are those of the client. */
export function registryPlace(client: Registry, reference: RegistryReference, isPlainHttp: boolean): ReleasePlace {
  const { registry, repository } = reference;
  const fetchManifest = (wanted: string, signal: AbortSignal) =>
    client.fetchManifest(registry, repository, wanted, signal);
  return {
    origin: formatImageReference(reference),
    isPlainHttp,
    tag: undefined,
    root: (signal) => fetchManifest(reference.digest ?? reference.tag ?? 'latest', signal),
    manifest: async (wish, signal) => (await fetchManifest(wish.digest, signal)).bytes,
    open: ({ digest }, { start, end }, signal) =>
      client.openBlobRange(
        registry,
        repository,
        { digest: asDigest(digest), offset: start, length: end - start },
        signal,
      ),
  };
}

/** Schemas have seen it: it is one. */
function asDigest(text: string): `sha256:${string}` {
  return text as `sha256:${string}`;
}
