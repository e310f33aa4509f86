import type { Digest } from '@bowline/host';
import { verifyStream } from '../digest.ts';
import { OciError } from '../error.ts';
import type { Connection, Endpoint } from './connection.ts';
import { isPermanentNetworkFailure, networkFailure } from './failures.ts';
import { type HttpReply, readChunks } from './http.ts';

/** A blob to fetch: digest and size come from a verified manifest. */
export interface BlobWish {
  digest: Digest;
  size: number;
}

/**
 * Bytes of a blob, verified. A dropped or stalled connection is resumed with `Range` where it broke, and after the tries are used up
 * the next endpoint continues. Throws TRUNCATED when the content ends early for good, else as `ImageSource.openLayer`.
 */
export function pullBlob(
  connection: Connection,
  endpoints: readonly Endpoint[],
  blob: BlobWish,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  const last = endpoints.at(-1);
  const what = `blob ${blob.digest} of ${last?.registry}/${last?.repository}`;
  return verifyStream(streamBlob(connection, endpoints, blob, what, signal), {
    digest: blob.digest,
    sizeBytes: blob.size,
    what: capitalize(what),
  });
}

async function* streamBlob(
  connection: Connection,
  endpoints: readonly Endpoint[],
  blob: BlobWish,
  what: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  let offset = 0;
  for (const [index, endpoint] of endpoints.entries()) {
    try {
      for await (const chunk of streamFrom(connection, endpoint, blob, offset, what, signal)) {
        offset += chunk.length;
        yield chunk;
      }
      return;
    } catch (error) {
      signal?.throwIfAborted();
      if (index === endpoints.length - 1 || !(error instanceof OciError)) throw error;
    }
  }
}

/** All from one endpoint, from `start` on. */
async function* streamFrom(
  connection: Connection,
  endpoint: Endpoint,
  blob: BlobWish,
  start: number,
  what: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  const { limits } = connection;
  let offset = start;
  let countedFrom = start;
  for (let attempt = 1; ; attempt += 1) {
    let failure: unknown;
    const reply = await openAt(connection, endpoint, blob, offset, what, signal);
    // A server without ranges starts over: what we already have is dropped, not delivered twice.
    let skip = reply.status === 206 ? 0 : offset;
    try {
      for await (const chunk of readChunks(reply, limits)) {
        const fresh = skip === 0 ? chunk : chunk.subarray(Math.min(skip, chunk.length));
        skip -= Math.min(skip, chunk.length);
        if (fresh.length === 0) continue;
        offset += fresh.length;
        yield fresh;
        if (offset > blob.size) return;
      }
      if (offset >= blob.size) return;
    } catch (error) {
      signal?.throwIfAborted();
      if (isPermanentNetworkFailure(error)) throw networkFailure(endpoint.registry, error);
      failure = error;
    }
    if (offset - countedFrom >= limits.progressBytes) {
      attempt = 1;
      countedFrom = offset;
    }
    if (attempt >= limits.maxAttempts) throw truncated(endpoint, what, offset, blob.size, failure);
    await connection.pause(attempt, signal);
  }
}

async function openAt(
  connection: Connection,
  endpoint: Endpoint,
  blob: BlobWish,
  offset: number,
  what: string,
  signal: AbortSignal | undefined,
): Promise<HttpReply> {
  const reply = await connection.send({
    endpoint,
    method: 'GET',
    url: new URL(`blobs/${blob.digest}`, endpoint.base),
    scopes: [`repository:${endpoint.repository}:pull`],
    headers: offset === 0 ? {} : { range: `bytes=${offset}-` },
    what,
    signal,
  });
  if (reply.status === 416) {
    await reply.discard();
    throw truncated(endpoint, what, offset, blob.size, undefined);
  }
  if (reply.status !== 200 && reply.status !== 206) await connection.fail(reply, { host: endpoint.registry, what });
  if (reply.status === 206 && !rangeStartsAt(reply, offset)) {
    await reply.discard();
    throw new OciError({
      code: 'REGISTRY_UNREACHABLE',
      message: `${endpoint.registry} answers with another range than asked for (${what}).`,
      hint: 'A cache or proxy in between is broken; try again without it.',
    });
  }
  return reply;
}

function rangeStartsAt(reply: HttpReply, offset: number): boolean {
  const match = /^bytes ([0-9]+)-/.exec(reply.headers.get('content-range') ?? '');
  return match !== null && Number(match[1]) === offset;
}

function truncated(endpoint: Endpoint, what: string, offset: number, size: number, cause: unknown): OciError {
  return new OciError({
    code: 'TRUNCATED',
    message: `${endpoint.registry} delivers only ${offset} of the ${size} bytes of ${what}.`,
    hint: 'Check the network and try again; when it stays, the registry holds a damaged copy: push the image again.',
    details: { received: offset, expected: size },
    cause,
  });
}

function capitalize(text: string): string {
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}`;
}
