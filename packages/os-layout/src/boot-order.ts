import type { BootTries, EntryKey } from './boot-entry.ts';

/** What decides when an entry starts. */
export interface OrderedEntry {
  generation: EntryKey;
  tries: BootTries;
}

/** True for an entry that used up its starts: it is tried after everything else. */
export function isBad(entry: Pick<OrderedEntry, 'tries'>): boolean {
  return entry.tries !== 'good' && entry.tries.left === 0;
}

/** True for an entry that is counted and has starts left. */
export function isTrial(entry: Pick<OrderedEntry, 'tries'>): boolean {
  return entry.tries !== 'good' && entry.tries.left > 0;
}

/**
 * The order in which systemd-boot 257 picks entries of ours (boot_entry_compare in boot.c; the UAPI Boot Loader
 * Specification, "Sorting"): those without tries left come last; then by sort key, which puts the recovery behind the
 * versions; then the highest version. The first that can be loaded starts, unless one was chosen for once.
 */
export function orderOfStart<T extends OrderedEntry>(entries: readonly T[]): T[] {
  return entries.toSorted(
    (a, b) =>
      Number(isBad(a)) - Number(isBad(b)) ||
      Number(a.generation === 'recovery') - Number(b.generation === 'recovery') ||
      version(b) - version(a) ||
      // Two files of one version: a rename that was cut off. Both name the same UKI.
      left(b) - left(a) ||
      done(a) - done(b),
  );
}

function version({ generation }: OrderedEntry): number {
  return generation === 'recovery' ? 0 : generation;
}

function left({ tries }: OrderedEntry): number {
  return tries === 'good' ? Number.MAX_SAFE_INTEGER : tries.left;
}

function done({ tries }: OrderedEntry): number {
  return tries === 'good' ? 0 : tries.done;
}
