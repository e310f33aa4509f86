import type { Digest } from '@bowline/host';
import type { ArtifactSource } from '@bowline/oci';
import { ImageError } from '../error.ts';

/** A blob in memory, verified. Throws ImageError IMAGE_UNREADABLE beyond `maxBytes`, and what the source throws. */
export async function readBlob(
  source: ArtifactSource,
  blob: { digest: Digest; size: number },
  maxBytes: number,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  if (blob.size > maxBytes) {
    throw new ImageError({
      code: 'IMAGE_UNREADABLE',
      message: `${blob.digest} of ${source.origin} has ${blob.size} bytes; at most ${maxBytes} are expected of it`,
      hint: 'It is not what its media type says: push or build the release again.',
    });
  }
  const parts: Uint8Array[] = [];
  for await (const part of source.openBlob(blob, signal)) parts.push(part);
  return Buffer.concat(parts);
}
