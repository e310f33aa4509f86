import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { type IndexedEntry, TarParser } from '@bowline/formats';
import { compressionOf, type ImageLayer, type ImageSource } from '@bowline/oci';
import { AgentError } from '../error.ts';

/** What an image may be. */
export interface UnpackLimits {
  /** Bytes of all layers together, unpacked. */
  maxBytes: number;
  /** Entries of all layers together. */
  maxEntries: number;
  /** Times by which a layer may be larger than its blob, once it has 64 MiB. */
  maxRatio: number;
}

export const DEFAULT_UNPACK_LIMITS: UnpackLimits = { maxBytes: 32 * 2 ** 30, maxEntries: 1_000_000, maxRatio: 500 };

/** What is left of the limits for the layers to come. */
export interface UnpackBudget extends UnpackLimits {
  bytes: number;
  entries: number;
}

const RATIO_FROM_BYTES = 64 * 2 ** 20;

/**
 * Writes a layer, unpacked, into a file and lists its entries. Nothing of it may be used unless this returns: digest and
 * size of the blob and the digest of the archive are verified by then.
 *
 * @throws OciError, FormatsError; AgentError STEP_FAILED for limits, compressions and a wrong digest.
 */
export async function spoolLayer(
  source: ImageSource,
  layer: ImageLayer,
  path: string,
  budget: UnpackBudget,
  signal: AbortSignal,
): Promise<IndexedEntry[]> {
  const packing = compressionOf(layer.mediaType);
  if (packing === undefined) throw refused('a layer of a kind that is no file system');
  const blob = Readable.from(source.openLayer(layer, signal), { objectMode: false });
  const transform = packing === 'none' ? undefined : packing === 'gzip' ? createGunzip() : createZstdDecompress();
  blob.on('error', (error) => transform?.destroy(error));
  // It may fail before it is read; reading it fails then too.
  transform?.on('error', () => undefined);
  const stream = transform === undefined ? blob : blob.pipe(transform);
  const hash = createHash('sha256');
  const parser = new TarParser();
  const entries: IndexedEntry[] = [];
  let size = 0;
  const file = await open(path, 'wx', 0o600);
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      size += chunk.length;
      budget.bytes -= chunk.length;
      if (size > RATIO_FROM_BYTES && size > layer.size * budget.maxRatio) throw refused('a layer that is a bomb');
      hash.update(chunk);
      for (const entry of parser.push(chunk)) {
        entries.push(entry);
        budget.entries -= 1;
        // Sparse files are larger than what is stored of them.
        budget.bytes -= entry.size - Math.min(entry.size, entry.storedSize);
      }
      if (budget.bytes < 0) throw refused(`more than ${budget.maxBytes} bytes`);
      if (budget.entries < 0) throw refused(`more than ${budget.maxEntries} entries`);
      await file.write(chunk);
    }
    parser.finish({ requireEnd: false });
  } catch (error) {
    const code = (error as { code?: unknown }).code;
    if (typeof code === 'string' && /^(?:Z|ZSTD|ERR_ZSTD)_/.test(code))
      throw refused('a layer that is damaged or cut off');
    throw error;
  } finally {
    blob.destroy();
    transform?.destroy();
    await file.close();
  }
  if (`sha256:${hash.digest('hex')}` !== layer.diffId) throw refused('a layer whose digest is not what the image says');
  return entries;
}

function refused(what: string): AgentError {
  return new AgentError({
    code: 'STEP_FAILED',
    message: `The image is refused: it has ${what}.`,
    hint: 'Nothing of it was put in place. Check the reference, or build the image again.',
  });
}
