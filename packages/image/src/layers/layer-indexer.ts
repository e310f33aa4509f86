import { FormatsError, type IndexedEntry, TarParser } from '@bowline/formats';
import { ImageError } from '../error.ts';
import type { LayerLimits } from '../sources/source.ts';
import { ENTRIES_PER_BLOCK, encodeBlock } from './index-blocks.ts';

/** Names, link targets and attributes of one layer, in bytes: what an index has to hold in memory. */
const MAX_METADATA_BYTES = 512 * 2 ** 20;

/** Reads a layer as its bytes go by, holds it to the limits and collects its index in compact form. */
export class LayerIndexer {
  readonly #parser = new TarParser();
  readonly #origin: string;
  readonly #limits: LayerLimits;
  readonly #blocks: string[] = [];
  #block: IndexedEntry[] = [];
  #entryCount = 0;
  #contentBytes = 0;
  #metadataBytes = 0;
  #archiveBytes = 0;

  constructor(origin: string, limits: LayerLimits) {
    this.#origin = origin;
    this.#limits = limits;
  }

  get entryCount(): number {
    return this.#entryCount;
  }

  /**
   * Takes the next bytes of the uncompressed tar.
   *
   * @throws ImageError LAYER_INVALID | LAYER_TOO_LARGE
   */
  push(chunk: Uint8Array): void {
    this.#archiveBytes += chunk.length;
    if (this.#archiveBytes > this.#limits.maxLayerBytes) this.#refuseBytes('unpacks to');
    const entries = this.#guard(() => this.#parser.push(chunk));
    for (const entry of entries) {
      this.#entryCount++;
      if (this.#entryCount > this.#limits.maxEntries) {
        throw tooLarge(this.#origin, `has more than ${this.#limits.maxEntries} entries`, 'maxEntries');
      }
      // Sparse files are small in the archive and large in the image.
      this.#contentBytes += entry.size;
      if (this.#contentBytes > this.#limits.maxLayerBytes) this.#refuseBytes('holds files of');
      this.#metadataBytes += entry.path.length + entry.linkname.length + (entry.sparse?.length ?? 0) * 16;
      for (const name in entry.xattrs) this.#metadataBytes += name.length + (entry.xattrs[name] as string).length;
      if (this.#metadataBytes > MAX_METADATA_BYTES) {
        throw tooLarge(this.#origin, `has more than ${MAX_METADATA_BYTES} bytes of names and attributes`, undefined);
      }
      this.#block.push(entry);
      if (this.#block.length === ENTRIES_PER_BLOCK) this.#closeBlock();
    }
  }

  /**
   * Ends the layer and returns the lines of its index.
   *
   * @throws ImageError LAYER_INVALID when it is cut off
   */
  finish(options: { requireEnd: boolean }): readonly string[] {
    this.#guard(() => this.#parser.finish(options));
    if (this.#block.length > 0) this.#closeBlock();
    return this.#blocks;
  }

  #closeBlock(): void {
    this.#blocks.push(encodeBlock(this.#block));
    this.#block = [];
  }

  #refuseBytes(what: string): never {
    throw tooLarge(this.#origin, `${what} more than ${this.#limits.maxLayerBytes} bytes`, 'maxLayerBytes');
  }

  #guard<T>(read: () => T): T {
    try {
      return read();
    } catch (cause) {
      if (!(cause instanceof FormatsError)) throw cause;
      throw new ImageError({
        code: cause.code === 'FORMAT_LIMIT' ? 'LAYER_TOO_LARGE' : 'LAYER_INVALID',
        message: `${this.#origin}: ${cause.message}`,
        hint: cause.hint,
        cause,
      });
    }
  }
}

/** How a limit is called on the command line. */
const LIMIT_OPTIONS = {
  maxEntries: '--max-layer-entries',
  maxLayerBytes: '--max-layer-size',
  maxRatio: '--max-layer-ratio',
} as const satisfies Record<keyof LayerLimits, string>;

/** The refusal of a layer beyond a limit; it names the limit and how to raise it. */
export function tooLarge(origin: string, what: string, limit: keyof LayerLimits | undefined): ImageError {
  return new ImageError({
    code: 'LAYER_TOO_LARGE',
    message: `${origin} ${what}${limit === undefined ? '' : ` (the limit ${limit})`}`,
    hint:
      limit === undefined
        ? 'This is far beyond any real image; the limit is fixed.'
        : `If you trust this source, raise the limit ${limit} (${LIMIT_OPTIONS[limit]}).`,
    details: { limit },
  });
}
