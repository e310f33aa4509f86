import type { Machine } from '../machine/machine.ts';
import { openLiveSource } from './live-source.ts';
import type { InstallSource } from './source.ts';

/** What to install: the running medium, or the release that `source` names. Throws as those do. */
export async function openInstallSource(machine: Machine, source: string | undefined): Promise<InstallSource> {
  if (source === undefined) return openLiveSource(machine);
  const { openReleaseSource } = await import('./release-source.ts');
  return openReleaseSource(machine, source);
}
