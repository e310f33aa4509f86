import type { ReleaseInventory } from '@bowline/spec';
import type { RunningInventory } from './running-inventory.ts';

/** Names that come and go. */
export interface Difference {
  added: string[];
  removed: string[];
}

/** What another version would change. */
export interface InventoryChanges {
  /** undefined: one of the two has no package database that can be read. */
  packages: (Difference & { changed: { name: string; from: string; to: string }[]; kept: number }) | undefined;
  units: Difference;
  kernelArguments: Difference;
  kernel: { from: string; to: string };
}

/** Compares what runs with what a release says of itself. */
export function compareInventories(
  running: RunningInventory,
  next: Pick<ReleaseInventory, 'packages' | 'units' | 'kernelArguments'>,
  kernelVersion: string,
): InventoryChanges {
  return {
    packages: comparePackages(running.packages, next.packages),
    units: difference(running.units, next.units),
    kernelArguments: difference(running.kernelArguments, next.kernelArguments),
    kernel: { from: running.kernelVersion, to: kernelVersion },
  };
}

type Packages = Readonly<Record<string, string>>;

function comparePackages(from: Packages, to: Packages): InventoryChanges['packages'] {
  if (Object.keys(from).length === 0 || Object.keys(to).length === 0) return undefined;
  const names = Object.keys(to).filter((name) => Object.hasOwn(from, name));
  const changed = names
    .filter((name) => from[name] !== to[name])
    .map((name) => ({ name, from: from[name] ?? '', to: to[name] ?? '' }))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
  return { ...difference(Object.keys(from), Object.keys(to)), changed, kept: names.length - changed.length };
}

function difference(from: readonly string[], to: readonly string[]): Difference {
  const [before, after] = [new Set(from), new Set(to)];
  return {
    added: [...after].filter((one) => !before.has(one)).toSorted(),
    removed: [...before].filter((one) => !after.has(one)).toSorted(),
  };
}
