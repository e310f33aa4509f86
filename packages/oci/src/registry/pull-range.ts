import type { Digest } from '@bowline/host';
import { OciError } from '../error.ts';
import type { Connection, Endpoint } from './connection.ts';
import { networkFailure } from './failures.ts';
import { readChunks } from './http.ts';

/** Part of a blob: `length` bytes from `offset` on. */
export interface BlobRange {
  digest: Digest;
  offset: number;
  length: number;
}

/** What came of asking for a part. */
export interface BlobPart {
  /** Offset in the blob of the first byte of `bytes`: what was asked for, or 0 where the server sends the whole blob instead. */
  start: number;
  /**
   * Ends after the last byte asked for; earlier when the connection is cut cleanly, else with OciError REGISTRY_UNREACHABLE. Not
   * verified: a digest covers the whole blob only.
   */
  bytes: AsyncIterable<Uint8Array>;
}

/**
 * Asks for a part of a blob (RFC 9110 section 14; distribution spec 1.1, "Pulling blobs"), following redirects. Mirrors are tried
 * first. A connection that drops later is not resumed: the caller knows what it still needs.
 *
 * @throws OciError as a pull, TRUNCATED when the blob has no such part
 */
export async function pullBlobRange(
  connection: Connection,
  endpoints: readonly Endpoint[],
  range: BlobRange,
  signal: AbortSignal | undefined,
): Promise<BlobPart> {
  let failure: unknown;
  for (const endpoint of endpoints) {
    try {
      return await askRange(connection, endpoint, range, signal);
    } catch (error) {
      signal?.throwIfAborted();
      if (!(error instanceof OciError)) throw error;
      failure = error;
    }
  }
  throw failure;
}

async function askRange(
  connection: Connection,
  endpoint: Endpoint,
  range: BlobRange,
  signal: AbortSignal | undefined,
): Promise<BlobPart> {
  const { digest, offset, length } = range;
  const what = `blob ${digest} of ${endpoint.registry}/${endpoint.repository}`;
  const reply = await connection.send({
    endpoint,
    method: 'GET',
    url: new URL(`blobs/${digest}`, endpoint.base),
    scopes: [`repository:${endpoint.repository}:pull`],
    headers: { range: `bytes=${offset}-${offset + length - 1}` },
    what,
    signal,
  });
  if (reply.status === 416) {
    await reply.discard();
    throw new OciError({
      code: 'TRUNCATED',
      message: `${endpoint.registry} has no ${length} bytes at ${offset} of ${what}.`,
      hint: 'The registry holds a damaged copy: push the release again.',
    });
  }
  if (reply.status !== 200 && reply.status !== 206) await connection.fail(reply, { host: endpoint.registry, what });
  const start = reply.status === 200 ? 0 : contentStart(reply.headers.get('content-range'));
  if (start !== offset && reply.status === 206) {
    await reply.discard();
    throw new OciError({
      code: 'REGISTRY_UNREACHABLE',
      message: `${endpoint.registry} answers with another range than asked for (${what}).`,
      hint: 'A cache or proxy in between is broken; try again without it.',
    });
  }
  const chunks = readChunks(reply, connection.limits);
  return { start, bytes: upTo(chunks, offset + length - start, endpoint.registry, signal) };
}

/** First byte of a `Content-Range`; NaN when it cannot be read. */
function contentStart(header: string | null): number {
  return Number(/^bytes ([0-9]{1,15})-/.exec(header ?? '')?.[1] ?? Number.NaN);
}

/** At most `limit` bytes: a server that sends more is not read any further. */
async function* upTo(
  chunks: AsyncIterable<Uint8Array>,
  limit: number,
  host: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  let left = limit;
  try {
    for await (const chunk of chunks) {
      const piece = chunk.subarray(0, left);
      left -= piece.length;
      if (piece.length > 0) yield piece;
      if (left === 0) return;
    }
  } catch (error) {
    signal?.throwIfAborted();
    throw networkFailure(host, error);
  }
}
