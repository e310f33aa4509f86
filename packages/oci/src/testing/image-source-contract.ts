import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { digestOf } from '../digest.ts';
import { compressionOf } from '../media-types.ts';
import type { ImageSource } from '../source/image-source.ts';
import type { SampleLayer } from './sample-image.ts';

/** Gathers a stream. */
export async function collect(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/**
 * What every image source must do. `open` puts an amd64 image of these layers (plain, gzip, zstd; or only plain where the
 * format knows no others) somewhere and opens it.
 */
export function describeImageSource(
  name: string,
  open: () => Promise<{
    source: ImageSource;
    layers: readonly SampleLayer[];
    damage: (layer: number) => Promise<void>;
  }>,
): void {
  describe(`${name}: image source contract`, () => {
    it('resolves to the layers in order, each unpacking to its diff ID', async () => {
      const { source, layers } = await open();
      const image = await source.resolve({ architecture: 'amd64' });
      expect(image.config.architecture).toBe('amd64');
      expect(image.manifestDigest).toMatch(/^sha256:[0-9a-f]{64}$/);
      expect(image.layers.map((layer) => layer.diffId)).toEqual(layers.map((layer) => layer.diffId));
      for (const layer of image.layers) {
        const blob = await collect(source.openLayer(layer));
        expect(blob.length).toBe(layer.size);
        expect(digestOf(blob)).toBe(layer.digest);
        const packing = compressionOf(layer.mediaType);
        const tar = packing === 'gzip' ? gunzipSync(blob) : packing === 'zstd' ? zstdDecompressSync(blob) : blob;
        expect(digestOf(tar)).toBe(layer.diffId);
      }
    });

    it('resolves the same image twice', async () => {
      const { source } = await open();
      const first = await source.resolve({ architecture: 'amd64' });
      expect(await source.resolve({ architecture: 'amd64' })).toEqual(first);
    });

    it('lists the platforms that exist when the wanted one does not', async () => {
      const { source } = await open();
      await expect(source.resolve({ architecture: 'riscv64' })).rejects.toMatchObject({
        code: 'PLATFORM_MISSING',
        message: expect.stringMatching(/linux\/riscv64; it has: .*linux\/amd64/),
      });
    });

    it('fails before the end of a layer that was altered', async () => {
      const { source, damage } = await open();
      const image = await source.resolve({ architecture: 'amd64' });
      await damage(0);
      const [layer] = image.layers;
      if (layer === undefined) throw new Error('no layer');
      await expect(collect(source.openLayer(layer))).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
    });

    it('stops when it is aborted', async () => {
      const { source } = await open();
      const image = await source.resolve({ architecture: 'amd64' });
      const [layer] = image.layers;
      if (layer === undefined) throw new Error('no layer');
      const reason = new Error('enough');
      await expect(collect(source.openLayer(layer, AbortSignal.abort(reason)))).rejects.toBe(reason);
    });
  });
}
