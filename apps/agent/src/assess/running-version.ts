import { readFile } from 'node:fs/promises';
import type { MenuEntry } from '../boot-menu/boot-menu.ts';
import { findVersion, type LifecycleRecord, rememberVersion, type VersionRecord } from '../lifecycle-record/record.ts';
import type { Machine } from '../machine/machine.ts';
import { readRunningImage } from '../machine/running-image.ts';
import { findSystemDisk } from '../slots/find-system-disk.ts';

/**
 * What the running version is, for the record: the one a disk was shipped or installed with was written by nobody who kept a
 * record. undefined when the machine cannot tell.
 */
export async function describeRunningVersion(machine: Machine, entry: MenuEntry): Promise<VersionRecord | undefined> {
  const [image, disk, commandLine] = await Promise.all([
    readRunningImage(machine),
    findSystemDisk(machine).catch(() => undefined),
    readFile(machine.locate('/proc/cmdline'), 'utf8').catch(() => ''),
  ]);
  if (disk?.running === undefined || image.id === '') return undefined;
  return {
    generation: entry.generation,
    name: image.name,
    version: image.version,
    imageId: image.id,
    ukiDigest: entry.ukiDigest,
    rootHash: /(?:^|\s)roothash=([0-9a-f]{64})(?:\s|$)/.exec(commandLine)?.[1] ?? '',
    slot: disk.running,
    verdict: entry.tries === 'good' ? 'blessed' : 'trial',
    at: machine.clock.now().toISOString(),
  };
}

/** Adds the running version where it is not known yet; it is the oldest of all then. */
export function withRunning(record: LifecycleRecord, running: VersionRecord | undefined): LifecycleRecord {
  if (running === undefined || findVersion(record, running.generation) !== undefined) return record;
  return rememberVersion(record, running);
}
