import { readSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import type { BlobStore, Digest } from '@bowline/host';
import { ImageError } from '../error.ts';
import type { LayerRef } from '../sources/source.ts';

/** Up to here a read is done at once: handing it to another thread costs more than reading cached pages. */
const DIRECT_READ_BYTES = 256 * 1024;

/** Reads bytes of stored layers by offset. Close it, also after failures. */
export class LayerReader {
  readonly #store: BlobStore;
  readonly #open = new Map<Digest, { fd: number; handle: FileHandle }>();

  constructor(store: BlobStore) {
    this.#store = store;
  }

  /**
   * Fills `target` with the bytes of a layer from `offset` on.
   *
   * @throws ImageError LAYER_INVALID when the layer ends before
   */
  async read(layer: LayerRef, offset: number, target: Uint8Array): Promise<void> {
    const file = this.#open.get(layer.diffId) ?? (await this.#openLayer(layer.diffId));
    let done = 0;
    while (done < target.length) {
      const left = target.length - done;
      const count =
        left <= DIRECT_READ_BYTES
          ? readSync(file.fd, target, done, left, offset + done)
          : (await file.handle.read(target, done, left, offset + done)).bytesRead;
      if (count === 0) {
        throw new ImageError({
          code: 'LAYER_INVALID',
          message: `${layer.origin}: the stored layer ${layer.diffId} ends before byte ${offset + target.length}`,
          hint: 'The store is damaged: remove the cache folder and build again.',
        });
      }
      done += count;
    }
  }

  async close(): Promise<void> {
    const files = [...this.#open.values()];
    this.#open.clear();
    for (const { handle } of files) await handle.close();
  }

  async #openLayer(diffId: Digest): Promise<{ fd: number; handle: FileHandle }> {
    const handle = await open(await this.#store.path(diffId), 'r');
    const file = { fd: handle.fd, handle };
    this.#open.set(diffId, file);
    return file;
  }
}
