import type { Digest } from '@bowline/host';
import { OciError } from '../error.ts';
import { MAX_MANIFEST_BYTES } from '../manifest/parse-manifest.ts';

/** A small blob as a whole; throws TOO_LARGE beyond 4 MiB before anything is read. `open` must verify size and digest. */
export async function readWhole(
  open: (blob: { digest: Digest; size: number }) => AsyncIterable<Uint8Array>,
  blob: { digest: Digest; size: number },
  what: string,
): Promise<Uint8Array> {
  if (blob.size > MAX_MANIFEST_BYTES) {
    throw new OciError({
      code: 'TOO_LARGE',
      message: `${what} says it has ${blob.size} bytes; the limit is ${MAX_MANIFEST_BYTES}.`,
      hint: 'Check the reference; this is hardly a container image.',
    });
  }
  const chunks: Uint8Array[] = [];
  for await (const chunk of open(blob)) chunks.push(chunk);
  return Buffer.concat(chunks);
}
