import { createHash } from 'node:crypto';
import type { Digest } from '@bowline/host';
import { OciError } from './error.ts';

/** True for `sha256:` and 64 lower-case hex digits, the only algorithm accepted (OCI image spec 1.1, descriptor.md, "Digests"). */
export function isDigest(text: string): text is Digest {
  return /^sha256:[0-9a-f]{64}$/.test(text);
}

/** sha256 of bytes in memory. */
export function digestOf(bytes: Uint8Array): Digest {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

/**
 * Passes a stream on and checks it at its end: throws TRUNCATED when it is shorter than `sizeBytes`, DIGEST_MISMATCH when it is
 * longer or its sha256 is another. A consumer that did not see the end must not trust what it read.
 */
export async function* verifyStream(
  stream: AsyncIterable<Uint8Array>,
  expected: { digest: Digest; sizeBytes: number; what: string },
): AsyncGenerator<Uint8Array> {
  const hash = createHash('sha256');
  let done = 0;
  for await (const chunk of stream) {
    done += chunk.length;
    if (done > expected.sizeBytes) throw sizeError(expected.what, expected.sizeBytes);
    hash.update(chunk);
    yield chunk;
  }
  if (done < expected.sizeBytes) {
    throw new OciError({
      code: 'TRUNCATED',
      message: `${expected.what} ends after ${done} of ${expected.sizeBytes} bytes.`,
      hint: 'The copy is damaged: fetch or export the image again.',
    });
  }
  const actual: Digest = `sha256:${hash.digest('hex')}`;
  if (actual !== expected.digest) throw mismatchError(expected.what, expected.digest, actual);
}

/** The error for content whose sha256 is not the promised one. */
export function mismatchError(what: string, expected: Digest, actual: Digest): OciError {
  return new OciError({
    code: 'DIGEST_MISMATCH',
    message: `${what} is damaged or was replaced: expected ${expected}, got ${actual}.`,
    hint: 'Try again; when it stays, the registry, a mirror or the file holds wrong content: push or export the image again.',
    details: { expected, actual },
  });
}

function sizeError(what: string, sizeBytes: number): OciError {
  return new OciError({
    code: 'DIGEST_MISMATCH',
    message: `${what} is longer than the ${sizeBytes} bytes its manifest promises.`,
    hint: 'The registry, a mirror or the file holds wrong content: push or export the image again.',
  });
}
