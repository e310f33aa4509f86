import type { Digest } from '@bowline/host';
import { digestOf } from '../digest.ts';
import { OciError } from '../error.ts';
import type { Connection, Endpoint } from './connection.ts';
import { unauthorized } from './failures.ts';
import type { HttpReply } from './http.ts';

/** A blob to put into a registry. */
export interface BlobUpload {
  digest: Digest;
  size: number;
  /** Its bytes from `offset` on; called again when the upload must continue somewhere else. */
  open: (offset: number) => AsyncIterable<Uint8Array>;
  /** A repository of the same registry that has the blob: it is mounted instead of sent. */
  mountFrom?: string | undefined;
  signal?: AbortSignal | undefined;
  onProgress?: ((sentBytes: number) => void) | undefined;
}

/** Uploads unless the blob is there: cross-repository mount, else chunks with resume, else one request with all (spec, "Push"). */
export async function pushBlob(
  connection: Connection,
  endpoint: Endpoint,
  blob: BlobUpload,
): Promise<'exists' | 'mounted' | 'uploaded'> {
  const head = await connection.send({
    ...request(endpoint, blob),
    method: 'HEAD',
    url: new URL(`blobs/${blob.digest}`, endpoint.base),
  });
  await head.discard();
  if (head.status === 200) return 'exists';
  const started = await start(connection, endpoint, blob, blob.mountFrom);
  if (started === undefined) return 'mounted';
  const location = await sendChunks(connection, endpoint, blob, started);
  if (location !== undefined) await finish(connection, endpoint, blob, location);
  else await sendWhole(connection, endpoint, blob);
  blob.onProgress?.(blob.size);
  return 'uploaded';
}

/** Puts a manifest under a tag or digest and checks that the registry understood the same bytes. */
export async function pushManifest(
  connection: Connection,
  endpoint: Endpoint,
  manifest: { reference: string; mediaType: string; bytes: Uint8Array; signal?: AbortSignal | undefined },
): Promise<Digest> {
  const digest = digestOf(manifest.bytes);
  const what = `the manifest ${manifest.reference} in ${endpoint.registry}/${endpoint.repository}`;
  const reply = await connection.send({
    endpoint,
    method: 'PUT',
    url: new URL(`manifests/${manifest.reference}`, endpoint.base),
    headers: { 'content-type': manifest.mediaType },
    body: () => manifest.bytes,
    scopes: pushScopes(endpoint),
    what,
    signal: manifest.signal,
  });
  if (reply.status !== 201) await refuse(connection, endpoint, reply, what);
  const stored = reply.headers.get('docker-content-digest');
  await reply.discard();
  if (stored !== null && stored !== digest) {
    throw new OciError({
      code: 'DIGEST_MISMATCH',
      message: `${endpoint.registry} stored another manifest than was sent: expected ${digest}.`,
      hint: 'A proxy in between alters content; push without it.',
    });
  }
  return digest;
}

function request(endpoint: Endpoint, blob: BlobUpload) {
  const scopes = pushScopes(endpoint);
  if (blob.mountFrom !== undefined) scopes.push(`repository:${blob.mountFrom}:pull`);
  return { endpoint, scopes, what: `a push to ${endpoint.registry}/${endpoint.repository}`, signal: blob.signal };
}

function pushScopes(endpoint: Endpoint): string[] {
  return [`repository:${endpoint.repository}:pull,push`];
}

/** Opens an upload session and returns its address; undefined when the blob was mounted instead. */
async function start(
  connection: Connection,
  endpoint: Endpoint,
  blob: BlobUpload,
  mountFrom: string | undefined,
): Promise<URL | undefined> {
  const url = new URL('blobs/uploads/', endpoint.base);
  if (mountFrom !== undefined) {
    url.searchParams.set('mount', blob.digest);
    url.searchParams.set('from', mountFrom);
  }
  const base = request(endpoint, blob);
  const reply = await connection.send({ ...base, method: 'POST', url, body: () => new Uint8Array(0) });
  if (reply.status === 201 && mountFrom !== undefined) {
    await reply.discard();
    return undefined;
  }
  if (reply.status !== 202) await refuse(connection, endpoint, reply, base.what);
  await reply.discard();
  return uploadLocation(endpoint, reply, url);
}

/** Sends chunk after chunk; returns the address to finish at, or undefined when the registry takes no chunks. */
async function sendChunks(
  connection: Connection,
  endpoint: Endpoint,
  blob: BlobUpload,
  first: URL,
): Promise<URL | undefined> {
  let location = first;
  let offset = 0;
  let failures = 0;
  while (offset < blob.size) {
    const chunk = await readExactly(blob, offset, Math.min(connection.limits.uploadChunkBytes, blob.size - offset));
    const base = request(endpoint, blob);
    const headers = {
      'content-type': 'application/octet-stream',
      'content-range': `${offset}-${offset + chunk.length - 1}`,
    };
    let reply: HttpReply | undefined;
    let failure: unknown;
    try {
      // One try only: after a drop the registry must be asked how much it has before anything is sent again.
      reply = await connection.send({
        ...base,
        method: 'PATCH',
        url: location,
        headers,
        body: () => chunk,
        maxAttempts: 1,
      });
    } catch (error) {
      blob.signal?.throwIfAborted();
      if (!(error instanceof OciError) || error.code !== 'REGISTRY_UNREACHABLE') throw error;
      failure = error;
    }
    if (reply?.status === 202) {
      await reply.discard();
      location = uploadLocation(endpoint, reply, location);
      offset += chunk.length;
      failures = 0;
      blob.onProgress?.(offset);
      continue;
    }
    const mayResume = reply === undefined || reply.status === 416 || reply.status >= 500;
    if (reply !== undefined && offset === 0 && !mayResume) {
      await reply.discard();
      return undefined;
    }
    failures += 1;
    if (!mayResume || failures >= connection.limits.maxAttempts) {
      if (reply !== undefined) await refuse(connection, endpoint, reply, base.what);
      throw failure;
    }
    await reply?.discard();
    await connection.pause(failures, blob.signal);
    const state = await askProgress(connection, endpoint, blob, location);
    location = state.location;
    offset = state.offset;
  }
  return location;
}

async function askProgress(
  connection: Connection,
  endpoint: Endpoint,
  blob: BlobUpload,
  location: URL,
): Promise<{ location: URL; offset: number }> {
  const base = request(endpoint, blob);
  const reply = await connection.send({ ...base, method: 'GET', url: location });
  if (reply.status !== 204) {
    await reply.discard();
    const fresh = await start(connection, endpoint, blob, undefined);
    return { location: fresh ?? location, offset: 0 };
  }
  await reply.discard();
  const match = /^(?:bytes=)?0-([0-9]+)$/.exec(reply.headers.get('range') ?? '');
  // `0-0` means one byte by the specification, but registries send it for an empty session: start over, which is right for both.
  const end = match === null ? 0 : Number(match[1]);
  if (end !== 0 && end < blob.size) return { location: uploadLocation(endpoint, reply, location), offset: end + 1 };
  const fresh = await start(connection, endpoint, blob, undefined);
  return { location: fresh ?? location, offset: 0 };
}

async function finish(connection: Connection, endpoint: Endpoint, blob: BlobUpload, location: URL): Promise<void> {
  const url = new URL(location);
  url.searchParams.set('digest', blob.digest);
  const base = request(endpoint, blob);
  const reply = await connection.send({ ...base, method: 'PUT', url, body: () => new Uint8Array(0) });
  if (reply.status !== 201 && reply.status !== 204) await refuse(connection, endpoint, reply, base.what);
  await reply.discard();
}

/** One PUT with the whole body, for registries that take no chunks. */
async function sendWhole(connection: Connection, endpoint: Endpoint, blob: BlobUpload): Promise<void> {
  const base = request(endpoint, blob);
  for (let attempt = 1; ; attempt += 1) {
    const url = await start(connection, endpoint, blob, undefined);
    if (url === undefined) return;
    url.searchParams.set('digest', blob.digest);
    const headers = { 'content-type': 'application/octet-stream', 'content-length': String(blob.size) };
    try {
      const reply = await connection.send({
        ...base,
        method: 'PUT',
        url,
        headers,
        body: () => blob.open(0),
        maxAttempts: 1,
      });
      if (reply.status === 201 || reply.status === 204) {
        await reply.discard();
        return;
      }
      if (reply.status < 500 || attempt >= connection.limits.maxAttempts)
        await refuse(connection, endpoint, reply, base.what);
      await reply.discard();
    } catch (error) {
      blob.signal?.throwIfAborted();
      const mayRetry = error instanceof OciError && error.code === 'REGISTRY_UNREACHABLE';
      if (!mayRetry || attempt >= connection.limits.maxAttempts) throw error;
    }
    await connection.pause(attempt, blob.signal);
  }
}

async function readExactly(blob: BlobUpload, offset: number, size: number): Promise<Uint8Array> {
  const chunk = new Uint8Array(size);
  let filled = 0;
  for await (const part of blob.open(offset)) {
    const piece = part.subarray(0, size - filled);
    chunk.set(piece, filled);
    filled += piece.length;
    if (filled === size) return chunk;
  }
  throw new OciError({
    code: 'TRUNCATED',
    message: `The blob ${blob.digest} to push ends after ${offset + filled} of ${blob.size} bytes.`,
    hint: 'The local copy is damaged: build or fetch it again.',
  });
}

/** The session address may be on another host; then our login must not go there. */
function uploadLocation(endpoint: Endpoint, reply: HttpReply, current: URL): URL {
  const target = URL.parse(reply.headers.get('location') ?? '', current);
  if (target === null || target.origin !== endpoint.base.origin) {
    const subject = { host: endpoint.registry, what: `a push to ${endpoint.registry}/${endpoint.repository}` };
    throw unauthorized(subject, 'sends uploads to another host, which is not supported,');
  }
  return target;
}

async function refuse(connection: Connection, endpoint: Endpoint, reply: HttpReply, what: string): Promise<never> {
  const cause: unknown = await connection
    .fail(reply, { host: endpoint.registry, what })
    .catch((error: unknown) => error);
  throw new OciError({
    code: 'PUSH_REFUSED',
    message: `${endpoint.registry} refuses ${what} (HTTP status ${reply.status}).${cause instanceof OciError ? ` ${cause.message}` : ''}`,
    hint: 'Check that the repository exists, may be written, and is not read-only or full.',
    details: { status: reply.status },
    cause,
  });
}
