import { findChunkSources } from './chunk-sources.ts';
import type { Release, RootBase, RootPlan } from './contract.ts';
import { groupRanges } from './fetch-ranges.ts';

/** What of the root is there already, and what would be fetched. Writes nothing. Throws as `Release.index`. */
export async function planRoot(release: Release, bases: readonly RootBase[]): Promise<RootPlan> {
  const index = await release.index();
  const { fetches, repeats } = findChunkSources(index, bases, () => false);
  const missing = [...fetches, ...[...repeats.values()].flat()];
  const missingBytes = missing.reduce((sum, chunk) => sum + (index.lengths[chunk] as number), 0);
  return {
    fetchBytes: groupRanges(index, fetches).reduce((sum, { start, end }) => sum + end - start, 0),
    reuseBytes: index.rootBytes - missingBytes,
    rootBytes: index.rootBytes,
    fetchChunks: fetches.length,
    reuseChunks: index.count - missing.length,
  };
}
