import { createHash } from 'node:crypto';
import type { Step } from '@bowline/spec';
import { AgentError } from '../error.ts';
import type { Machine } from '../machine/machine.ts';
import type { Outcome } from '../plugins/plugin.ts';
import { probeFileSystem } from './file-system-label.ts';
import { checkGrowable, growFileSystem } from './grow-file-system.ts';
import type { PartitionRequest } from './layout-request.ts';
import { findMaker, isBlank, makeFileSystem } from './make-file-system.ts';
import { findPartition, rereadTable, withPartition } from './partition-place.ts';
import { type DiskTable, initTable, newPartitionGuid, readTable, writeTable } from './partition-table.ts';
import { type LayoutPlan, planLayout } from './plan-layout.ts';
import { findTargetDisk, type TargetDisk } from './target-disk.ts';

type Config = NonNullable<Step['layout']>;

/**
 * Brings a disk to the layout of a step. All that can be known is checked before the first write; a run that was cut off
 * is finished by the next one: partitions without a file system get theirs, file systems smaller than their partition grow.
 */
export async function applyLayout(
  machine: Machine,
  config: Config,
  requests: readonly PartitionRequest[],
): Promise<Outcome> {
  const disk = await findTargetDisk(machine, config.device);
  let table = await readTable(disk);
  let changed = false;
  if (table === undefined) {
    if (config.device.init_disk !== true) throw noTable(disk);
    await initTable(disk, diskGuid(config.device.disk_name ?? 'BOWLINE_DISK'));
    table = await readTable(disk);
    if (table === undefined) throw noTable(disk);
    changed = true;
  }
  const plan = planLayout({
    table: table.found,
    usable: table.usable,
    requests,
    expandMib: config.expand_partition === undefined ? undefined : (config.expand_partition.size ?? 0),
    newGuid: newPartitionGuid,
  });
  for (const { request } of plan.add) await findMaker(machine, request.fileSystem);
  if (plan.grow !== undefined) await checkGrowable(machine, await findPartition(machine, disk, plan.grow.partition));
  if (plan.add.length > 0 || plan.grow !== undefined) changed = true;
  await makePartitions(machine, disk, table, plan);
  if (await finishPresent(machine, disk, plan)) changed = true;
  if (await growLast(machine, disk, plan)) changed = true;
  return { changed, note: changed ? disk.path : `${disk.path} is as wanted` };
}

async function makePartitions(machine: Machine, disk: TargetDisk, table: DiskTable, plan: LayoutPlan): Promise<void> {
  const { add, grow } = plan;
  if (add.length === 0 && grow === undefined) return;
  const resize = grow === undefined ? undefined : { number: grow.partition.number, sizeBytes: grow.sizeBytes };
  const numbers = await writeTable(disk, table, { add, resize });
  await rereadTable(machine, disk);
  for (const [index, { request, startLba, sizeBytes }] of add.entries()) {
    const place = await findPartition(machine, disk, { number: numbers[index] ?? 0, startLba, sizeBytes });
    await makeFileSystem(machine, place, request);
  }
}

/** Makes the file systems that a run before did not come to. */
async function finishPresent(machine: Machine, disk: TargetDisk, plan: LayoutPlan): Promise<boolean> {
  let changed = false;
  for (const { request, partition } of plan.present) {
    if (request.fileSystem === 'none') continue;
    const place = await findPartition(machine, disk, partition);
    if ((await withPartition(place, probeFileSystem)) !== undefined || !(await isBlank(place))) continue;
    await makeFileSystem(machine, place, request);
    changed = true;
  }
  return changed;
}

async function growLast(machine: Machine, disk: TargetDisk, plan: LayoutPlan): Promise<boolean> {
  if (plan.last === undefined) return false;
  const sizeBytes = plan.grow?.sizeBytes ?? plan.last.sizeBytes;
  const place = await findPartition(machine, disk, { ...plan.last, sizeBytes });
  // With nothing to grow, a file system that cannot grow is no failure.
  if (plan.grow === undefined && !(await isSmaller(machine, place))) return false;
  return growFileSystem(machine, place);
}

async function isSmaller(machine: Machine, place: Parameters<typeof growFileSystem>[1]): Promise<boolean> {
  return checkGrowable(machine, place).then(
    (found) => found !== undefined,
    () => false,
  );
}

/** The same name gives the same GUID: a version 5 UUID (RFC 9562) in the name space of URLs. */
function diskGuid(name: string): string {
  const space = Buffer.from('6ba7b8119dad11d180b400c04fd430c8', 'hex');
  const hash = createHash('sha1').update(space).update(name).digest().subarray(0, 16);
  hash[6] = ((hash[6] ?? 0) & 0x0f) | 0x50;
  hash[8] = ((hash[8] ?? 0) & 0x3f) | 0x80;
  const hex = hash.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

function noTable(disk: TargetDisk): AgentError {
  return new AgentError({
    code: 'DISK_INVALID',
    message: `layout: ${disk.path} has no partition table.`,
    hint: 'Set device.init_disk to make one.',
  });
}
