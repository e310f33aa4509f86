import type { Digest } from '@bowline/host';
import { digestOf, isDigest, mismatchError } from '../digest.ts';
import { OciError } from '../error.ts';
import { MAX_MANIFEST_BYTES } from '../manifest/parse-manifest.ts';
import { MANIFEST_ACCEPT } from '../media-types.ts';
import { Connection, type Endpoint } from './connection.ts';
import { networkFailure } from './failures.ts';
import { readAll } from './http.ts';
import type { RegistryOptions } from './options.ts';
import { type BlobWish, pullBlob } from './pull-blob.ts';
import { type BlobPart, type BlobRange, pullBlobRange } from './pull-range.ts';
import { type BlobUpload, pushBlob, pushManifest } from './push-blob.ts';

/** A manifest as served: exact bytes, their digest, and what the server says they are. */
export interface RawManifest {
  digest: Digest;
  mediaType: string | undefined;
  bytes: Uint8Array;
}

/** Client of container registries (OCI distribution spec 1.1). One object may talk to many; logins live as long as it. */
export interface Registry {
  /** Manifest by tag or digest, verified. Errors as `ImageSource.resolve`. */
  fetchManifest(registry: string, repository: string, reference: string, signal?: AbortSignal): Promise<RawManifest>;
  /** Verified bytes of a blob, resumed after drops. Errors as `ImageSource.openLayer`. */
  openBlob(registry: string, repository: string, blob: BlobWish, signal?: AbortSignal): AsyncIterable<Uint8Array>;
  /** Part of a blob, not verified and not resumed. Errors as `openBlob` before the first byte, REGISTRY_UNREACHABLE on the way. */
  openBlobRange(registry: string, repository: string, range: BlobRange, signal?: AbortSignal): Promise<BlobPart>;
  /** Puts a blob there unless it is; throws PUSH_REFUSED beside the errors of a pull. */
  pushBlob(registry: string, repository: string, blob: BlobUpload): Promise<'exists' | 'mounted' | 'uploaded'>;
  /** Puts a manifest under a tag or its own digest; its blobs must be there. Returns its digest. */
  pushManifest(
    registry: string,
    repository: string,
    manifest: { reference: string; mediaType: string; bytes: Uint8Array; signal?: AbortSignal | undefined },
  ): Promise<Digest>;
}

/** Makes a registry client on the host's `fetch`. */
export function createRegistry(options: RegistryOptions): Registry {
  const connection = new Connection(options);
  return {
    fetchManifest: (registry, repository, reference, signal) =>
      fetchManifest(connection, connection.pullEndpoints(registry, repository), reference, signal),
    openBlob: (registry, repository, blob, signal) =>
      pullBlob(connection, connection.pullEndpoints(registry, repository), blob, signal),
    openBlobRange: (registry, repository, range, signal) =>
      pullBlobRange(connection, connection.pullEndpoints(registry, repository), range, signal),
    pushBlob: (registry, repository, blob) => pushBlob(connection, connection.endpoint(registry, repository), blob),
    pushManifest: (registry, repository, manifest) =>
      pushManifest(connection, connection.endpoint(registry, repository), manifest),
  };
}

async function fetchManifest(
  connection: Connection,
  endpoints: readonly Endpoint[],
  reference: string,
  signal: AbortSignal | undefined,
): Promise<RawManifest> {
  let failure: unknown;
  for (const endpoint of endpoints) {
    try {
      return await fetchManifestFrom(connection, endpoint, reference, signal);
    } catch (error) {
      signal?.throwIfAborted();
      if (!(error instanceof OciError)) throw error;
      failure = error;
    }
  }
  throw failure;
}

async function fetchManifestFrom(
  connection: Connection,
  endpoint: Endpoint,
  reference: string,
  signal: AbortSignal | undefined,
): Promise<RawManifest> {
  const separator = isDigest(reference) ? '@' : ':';
  const what = `the manifest of ${endpoint.registry}/${endpoint.repository}${separator}${reference}`;
  for (let attempt = 1; ; attempt += 1) {
    const reply = await connection.send({
      endpoint,
      method: 'GET',
      url: new URL(`manifests/${reference}`, endpoint.base),
      headers: { accept: MANIFEST_ACCEPT },
      scopes: [`repository:${endpoint.repository}:pull`],
      what,
      signal,
    });
    if (reply.status !== 200) await connection.fail(reply, { host: endpoint.registry, what });
    const mediaType = reply.headers.get('content-type')?.split(';')[0]?.trim().toLowerCase();
    const promised = isDigest(reference) ? reference : reply.headers.get('docker-content-digest');
    try {
      const bytes = await readAll(reply, connection.limits, MAX_MANIFEST_BYTES, `T${what.slice(1)}`);
      const digest = digestOf(bytes);
      // With a digest asked for, its word decides; a header that disagrees with the body means one of them was altered.
      if (promised !== null && isDigest(promised) && promised !== digest) {
        throw mismatchError(`T${what.slice(1)}`, promised, digest);
      }
      return { digest, mediaType, bytes };
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof OciError) throw error;
      if (attempt >= connection.limits.maxAttempts) throw networkFailure(endpoint.registry, error);
    }
    await connection.pause(attempt, signal);
  }
}
