import { Readable, type Transform } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { ImageError } from '../error.ts';

/** How a layer is packed. */
export type LayerCompression = 'none' | 'gzip' | 'zstd' | 'xz';

/** Unpacks xz, which Node cannot: a caller hands in `xz -dc` of the toolbox or the host. */
export type XzDecompressor = (packed: AsyncIterable<Uint8Array>) => AsyncIterable<Uint8Array>;

/** Bytes that {@link detectCompression} wants to see. */
export const MAGIC_BYTES = 6;

const OUTPUT_CHUNK_BYTES = 256 * 1024;

/**
 * Tells the compression from the first bytes. Anything unknown counts as a plain tar, whose own checksum then decides.
 *
 * @throws ImageError LAYER_INVALID for compressions that are not read (bzip2, lzip, lzma)
 */
export function detectCompression(head: Uint8Array, origin: string): LayerCompression {
  const hex = Buffer.from(head.subarray(0, MAGIC_BYTES)).toString('hex');
  if (hex.startsWith('1f8b')) return 'gzip';
  // RFC 8878: a frame, or a skippable frame (0x184D2A50 to 5F) as seekable archives begin with.
  if (hex.startsWith('28b52ffd') || /^5[0-9a-f]2a4d18/.test(hex)) return 'zstd';
  if (hex === 'fd377a585a00') return 'xz';
  const unread = hex.startsWith('425a68') ? 'bzip2' : hex.startsWith('4c5a4950') ? 'lzip' : undefined;
  if (unread === undefined) return 'none';
  throw new ImageError({
    code: 'LAYER_INVALID',
    message: `${origin} is compressed with ${unread}, which is not supported`,
    hint: 'Compress it with gzip, xz or zstd, or leave it plain.',
  });
}

/**
 * Unpacks a stream. Gzip members and zstd frames may follow one another. A cut-off or damaged stream fails with
 * ImageError LAYER_INVALID.
 */
export async function* decompress(
  packed: AsyncIterable<Uint8Array>,
  compression: LayerCompression,
  options: { origin: string; xz: XzDecompressor | undefined },
): AsyncGenerator<Uint8Array> {
  if (compression === 'none') {
    yield* packed;
  } else if (compression === 'xz') {
    if (options.xz === undefined) {
      throw new ImageError({
        code: 'TOOL_MISSING',
        message: `${options.origin} is compressed with xz and there is nothing to unpack it with`,
        hint: 'Install xz-utils, or compress the archive with zstd.',
      });
    }
    yield* options.xz(copyChunks(packed));
  } else {
    const transform: Transform =
      compression === 'gzip'
        ? createGunzip({ chunkSize: OUTPUT_CHUNK_BYTES })
        : createZstdDecompress({ chunkSize: OUTPUT_CHUNK_BYTES });
    yield* pump(packed, transform, compression, options.origin);
  }
}

async function* pump(
  packed: AsyncIterable<Uint8Array>,
  transform: Transform,
  compression: LayerCompression,
  origin: string,
): AsyncGenerator<Uint8Array> {
  const input = Readable.from(copyChunks(packed), { objectMode: false });
  let inputError: unknown;
  input.on('error', (error) => {
    inputError = error;
    transform.destroy(error);
  });
  input.pipe(transform);
  try {
    for await (const chunk of transform) yield chunk as Uint8Array;
  } catch (cause) {
    if (inputError !== undefined) throw inputError;
    throw new ImageError({
      code: 'LAYER_INVALID',
      message: `${origin}: the ${compression} data is damaged or cut off: ${cause instanceof Error ? cause.message : String(cause)}`,
      hint: 'Fetch or make it again.',
      cause,
    });
  } finally {
    input.destroy();
    transform.destroy();
  }
}

/** A consumer that reads ahead needs chunks of its own: file readers use their buffer again. */
async function* copyChunks(stream: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const chunk of stream) yield Buffer.from(chunk);
}
