import { lockedLayers } from '../resolve/store-archive.ts';
import { saveLock, withInputs } from './inputs.ts';
import type { BuildEnvironment, FetchOptions, FetchResult } from './options.ts';

/**
 * Gets every input of a bowl into the store and pins it, without building.
 *
 * @throws ImageError OFFLINE_MISSING | SOURCE_CHANGED | SOURCE_MISSING, OciError, HostError
 */
export async function fetchBowl(options: FetchOptions, env: BuildEnvironment): Promise<FetchResult> {
  return withInputs(options, env, async (inputs) => {
    const { lock } = inputs.resolved;
    await saveLock(lock, inputs);
    const layers = lockedLayers(lock);
    let sizeBytes = 0;
    for (const { digest } of layers) sizeBytes += await inputs.store.size(digest);
    return { lockPath: inputs.lockPath, blobs: layers.length, sizeBytes };
  });
}
