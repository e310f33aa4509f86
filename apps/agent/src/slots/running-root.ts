import { readdir, readFile, realpath } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Machine } from '../machine/machine.ts';

/** Kernel names of the partitions below the mounted root, and of their disk. */
export interface RunningRoot {
  /** `vda` */
  disk: string;
  /** `vda3`, `vda4`: data and hash tree, in no order. */
  partitions: readonly string[];
}

const SYS_BLOCK = '/sys/class/block';
/** dm on dm (encryption below verity, say) ends after so many levels. */
const MAX_DEPTH = 8;

/**
 * What lies below `/dev/mapper/root`, by sysfs: the device-mapper device with the name `root`, its slaves, their disk.
 * undefined where there is no such device, or it lies on no partition: a live medium, a container.
 */
export async function findRunningRoot(machine: Machine): Promise<RunningRoot | undefined> {
  const folder = machine.locate(SYS_BLOCK);
  const names = await readdir(folder).catch(() => []);
  for (const name of names.filter((one) => one.startsWith('dm-'))) {
    const title = await readFile(join(folder, name, 'dm/name'), 'utf8').catch(() => '');
    if (title.trim() !== 'root') continue;
    const partitions = await partitionsBelow(folder, name, MAX_DEPTH);
    const [first] = partitions;
    if (first === undefined) return undefined;
    return { disk: basename(dirname(await realpath(join(folder, first)))), partitions };
  }
  return undefined;
}

async function partitionsBelow(folder: string, name: string, depth: number): Promise<string[]> {
  if (await isPartition(join(folder, name))) return [name];
  if (depth === 0) return [];
  const slaves = await readdir(join(folder, name, 'slaves')).catch(() => []);
  const found: string[] = [];
  for (const slave of slaves) found.push(...(await partitionsBelow(folder, slave, depth - 1)));
  return found;
}

function isPartition(folder: string): Promise<boolean> {
  return readFile(join(folder, 'partition'), 'utf8').then(
    (text) => /^[1-9][0-9]*$/.test(text.trim()),
    () => false,
  );
}
