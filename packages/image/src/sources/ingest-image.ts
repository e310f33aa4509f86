import type { ImageLayer, ImageSource, ResolvedImage } from '@bowline/oci';
import { ingestLayer } from '../layers/ingest-layer.ts';
import type { MadeLayer } from './pin.ts';
import type { ResolveContext } from './source.ts';
import { toolboxXz } from './toolbox-xz.ts';

/** Layers fetched and unpacked at a time: one waits for the network while the other uses the processor. */
const PARALLEL_LAYERS = 2;

/**
 * Brings every layer of an image into the store, digest and diff ID verified. A layer the store has is not fetched.
 * When one fails, the others are stopped before the failure is thrown.
 * Throws OciError, ImageError LAYER_INVALID, LAYER_TOO_LARGE.
 */
export async function ingestImage(
  source: ImageSource,
  image: ResolvedImage,
  context: ResolveContext,
): Promise<MadeLayer[]> {
  const made: MadeLayer[] = Array.from({ length: image.layers.length });
  const stop = new AbortController();
  const signal = AbortSignal.any([context.signal, stop.signal]);
  const queue = image.layers.entries();
  const failures: unknown[] = [];
  const work = async (): Promise<void> => {
    for (const [index, layer] of queue) {
      if (signal.aborted) return;
      try {
        made[index] = await ingestOne(source, layer, index, image.layers.length, context, signal);
      } catch (error) {
        failures.push(error);
        stop.abort(error);
      }
    }
  };
  await Promise.all(Array.from({ length: PARALLEL_LAYERS }, work));
  if (failures.length > 0) throw failures[0];
  context.signal.throwIfAborted();
  return made;
}

async function ingestOne(
  source: ImageSource,
  layer: ImageLayer,
  index: number,
  count: number,
  context: ResolveContext,
  signal: AbortSignal,
): Promise<MadeLayer> {
  const origin = `${source.origin} layer ${index + 1}/${count}`;
  return context.progress.task(origin, async (progress) => {
    const ref = await ingestLayer(
      {
        source: { kind: 'stream', stream: source.openLayer(layer, signal) },
        origin,
        diffId: layer.diffId,
        limits: context.limits,
        xz: toolboxXz(context),
        progress: { bytes: (done) => progress.bytes(done, layer.size) },
        signal,
      },
      context.store,
    );
    const { digest, size, mediaType } = layer;
    return { ...ref, blob: { digest, size, mediaType } };
  });
}
