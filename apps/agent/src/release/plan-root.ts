import type { Release, RootBase, RootPlan } from './contract.ts';

/** What of the root is there already, and what would be fetched. Writes nothing. Throws as `Release.index`. */
export async function planRoot(release: Release, _bases: readonly RootBase[]): Promise<RootPlan> {
  const { rootBytes, count } = await release.index();
  return { fetchBytes: rootBytes, reuseBytes: 0, rootBytes, fetchChunks: count, reuseChunks: 0 };
}
