import { createHash } from 'node:crypto';
import { PassingFailure } from '../download/request.ts';
import { AgentError } from '../error.ts';
import type { BlobWish, ReleasePlace } from './place.ts';
import { type TransferLimits, Tries } from './transfer.ts';

/** How the blobs of a release are reached. */
export interface BlobAccess {
  place: Pick<ReleasePlace, 'open' | 'origin'>;
  limits: TransferLimits;
  signal: AbortSignal;
}

/**
 * Bytes of a blob, resumed where they broke off, size and digest verified: the stream fails before it ends when they differ.
 * `noun` is for messages, such as "the UKI". Throws AgentError SOURCE_UNAVAILABLE | RELEASE_DAMAGED, OciError.
 */
export async function* streamBlob(access: BlobAccess, wish: BlobWish, noun: string): AsyncGenerator<Uint8Array> {
  const { limits, signal } = access;
  const { origin } = access.place;
  const tries = new Tries(limits, `${noun} of ${origin}`, signal);
  const hash = createHash('sha256');
  let offset = 0;
  let countedFrom = 0;
  while (offset < wish.sizeBytes) {
    try {
      const stream = await access.place.open(wish, { start: offset, end: wish.sizeBytes }, signal);
      let at = stream.start;
      for await (const piece of stream.bytes) {
        const fresh = piece.subarray(Math.max(0, offset - at));
        at += piece.length;
        if (fresh.length === 0) continue;
        if (offset + fresh.length > wish.sizeBytes) throw damaged(noun, origin, 'it is longer than it should be');
        offset += fresh.length;
        hash.update(fresh);
        yield fresh;
      }
      if (offset < wish.sizeBytes) throw new PassingFailure('it ended too early');
    } catch (error) {
      if (offset - countedFrom >= limits.stallMinBytes) tries.progressed();
      countedFrom = offset;
      await tries.failed(error);
    }
  }
  if (`sha256:${hash.digest('hex')}` !== wish.digest) throw damaged(noun, origin, 'its digest is another');
}

/** A small blob as a whole, fetched again when it arrives damaged. Throws as `streamBlob`; RELEASE_DAMAGED beyond `maxBytes`. */
export async function readBlob(
  access: BlobAccess,
  wish: BlobWish,
  noun: string,
  maxBytes: number,
): Promise<Uint8Array<ArrayBuffer>> {
  if (wish.sizeBytes > maxBytes) throw damaged(noun, access.place.origin, `it is larger than ${maxBytes} bytes`);
  for (let attempt = 1; ; attempt += 1) {
    const pieces: Uint8Array[] = [];
    try {
      for await (const piece of streamBlob(access, wish, noun)) pieces.push(piece);
      return Buffer.concat(pieces);
    } catch (error) {
      const isDamaged = error instanceof AgentError && error.code === 'RELEASE_DAMAGED';
      if (!isDamaged || attempt >= DAMAGED_TRIES) throw error;
    }
  }
}

/** How often damaged bytes are fetched again: a bit may flip on the way, but not again and again. */
export const DAMAGED_TRIES = 3;

/** RELEASE_DAMAGED: bytes are not what their digest promises. */
export function damaged(noun: string, origin: string, why: string, cause?: unknown): AgentError {
  return new AgentError({
    code: 'RELEASE_DAMAGED',
    message: `${noun.slice(0, 1).toUpperCase()}${noun.slice(1)} of ${origin} is damaged: ${why}.`,
    hint: 'Nothing of it is used. Try again; when it stays, the server or a cache on the way holds a damaged copy: push or copy the release again.',
    cause,
  });
}
