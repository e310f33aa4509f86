import { join } from 'node:path';
import { IMAGE_ROOT_FOLDER, PACKAGE_DATABASES, STATE_BINDS, STATE_FOLDER } from '@bowline/os-layout';
import { readBootConf } from '../boot-menu/started-as.ts';
import type { Machine } from '../machine/machine.ts';
import { readRunningImage } from '../machine/running-image.ts';
import { applyMerge } from './apply-merge.ts';
import { readDelivered, readDeliveredImage, writeDelivered } from './delivered-record.ts';
import { hashFile, hashTree } from './hash-tree.ts';
import { planMerge } from './plan-merge.ts';
import { readEntry, readTree } from './read-tree.ts';

/** All of it must end before the initrd stops the agent. */
const TIMEOUT_MS = 600_000;
/** Part of it that reading contents may take. */
const HASH_MS = 120_000;
const MOST_NAMES = 5;

/** What became of the folders on state at a change of version. */
export interface ImageMerge {
  added: number;
  replaced: number;
  removed: number;
  /** Changed by the image and by the machine: the machine's stays. */
  kept: readonly string[];
}

/**
 * Brings what another image delivers to /var, /home, /root and /oem together with what is there. Does nothing while the
 * image is the one of the last start, and where the state is in memory. Interrupted at any point, the next start does it.
 */
export async function mergeImage(machine: Machine): Promise<ImageMerge | undefined> {
  const { id } = await readRunningImage(machine);
  const { mode } = await readBootConf(machine);
  if (id === '' || mode === 'live' || mode === 'netboot' || mode === 'recovery') return undefined;
  if ((await readDeliveredImage(machine)) === id) return undefined;
  const limited = machine.withSignal(AbortSignal.any([machine.signal, AbortSignal.timeout(TIMEOUT_MS)]));
  const { signal } = limited;
  const imageRoot = machine.locate(IMAGE_ROOT_FOLDER);
  const state = machine.locate(STATE_FOLDER);
  // The initrd puts these links back at every start.
  const without = new Set(PACKAGE_DATABASES.map(({ path }) => path));
  const theirs = await readTree(imageRoot, STATE_BINDS, { without, signal });
  await hashTree(imageRoot, theirs, { untilMs: performance.now() + HASH_MS, signal });
  const { actions, kept } = await planMerge({
    base: await readDelivered(machine),
    theirs,
    ours: (path) => readEntry(join(state, path)),
    hashOurs: (path) => hashFile(join(state, path), signal),
  });
  await applyMerge(limited, imageRoot, actions);
  await writeDelivered(machine, id, theirs);
  const count = (kind: string): number => actions.filter((action) => action.kind === kind).length;
  return { added: count('add'), replaced: count('replace'), removed: count('remove'), kept };
}

/** One sentence about a merge; undefined when there is nothing to say. */
export function mergeText({ added, replaced, removed, kept }: ImageMerge): string | undefined {
  if (added + replaced + removed + kept.length === 0) return undefined;
  const names = kept.slice(0, MOST_NAMES).map((path) => `/${path}`);
  const more = kept.length > names.length ? ` and ${kept.length - names.length} more` : '';
  const stays = kept.length === 0 ? '' : `; changed on this machine, so kept: ${names.join(', ')}${more}`;
  return `files of the new version: ${added} added, ${replaced} replaced, ${removed} removed${stays}`;
}
