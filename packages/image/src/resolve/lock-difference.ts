import type { Digest } from '@bowline/host';
import type { Arch, BowlLock, LockedSource } from '@bowline/spec';

/** What a bowl asks for, without having fetched anything. */
export interface WantedSource {
  request: Digest;
  origin: string;
}

export interface WantedArch {
  base: WantedSource;
  packages: WantedSource | undefined;
  kernel: WantedSource | undefined;
  firmware: readonly WantedSource[];
}

export interface WantedLock {
  files: Readonly<Record<string, Digest>>;
  arch: Readonly<Partial<Record<Arch, WantedArch>>>;
}

/** Every way in which a lock does not fit the bowl any more, each in words; empty when it fits. */
export function lockDifferences(lock: BowlLock | undefined, wanted: WantedLock): string[] {
  if (lock === undefined) return ['there is no bowl.lock yet'];
  return [
    ...fileDifferences(lock.files, wanted.files),
    ...Object.entries(wanted.arch).flatMap(([arch, sources]) => archDifferences(arch as Arch, lock, sources)),
  ];
}

function fileDifferences(locked: BowlLock['files'], wanted: WantedLock['files']): string[] {
  const names = [...new Set([...Object.keys(locked), ...Object.keys(wanted)])].sort();
  return names.flatMap((name) => {
    if (locked[name] === wanted[name]) return [];
    if (locked[name] === undefined) return [`file ${name} is new`];
    return wanted[name] === undefined ? [`file ${name} is no longer used`] : [`file ${name} has other content`];
  });
}

function archDifferences(arch: Arch, lock: BowlLock, wanted: WantedArch): string[] {
  const locked = lock.arch[arch];
  if (locked === undefined) return [`${arch} is not in the lock`];
  const count = Math.max(locked.firmware.length, wanted.firmware.length);
  return [
    ...sourceDifference(`${arch} base`, locked.base, wanted.base),
    ...sourceDifference(`${arch} packages`, locked.packages, wanted.packages),
    ...sourceDifference(`${arch} kernel`, locked.kernel, wanted.kernel),
    ...Array.from({ length: count }, (_, i) =>
      sourceDifference(`${arch} firmware ${i + 1}`, locked.firmware[i], wanted.firmware[i]),
    ).flat(),
  ];
}

function sourceDifference(what: string, locked: LockedSource | undefined, wanted: WantedSource | undefined): string[] {
  if (locked?.request === wanted?.request) return [];
  if (locked === undefined) return [`${what}: ${wanted?.origin} is new`];
  if (wanted === undefined) return [`${what}: ${locked.origin} is no longer asked for`];
  if (locked.origin === wanted.origin) return [`${what}: ${wanted.origin} has other content or options`];
  return [`${what}: ${locked.origin} became ${wanted.origin}`];
}
