import { type PartitionRequest, partitionRequests } from '../disk/layout-request.ts';
import { findMaker, makeFileSystem } from '../disk/make-file-system.ts';
import { findPartition, rereadTable } from '../disk/partition-place.ts';
import { AgentError } from '../error.ts';
import type { Machine } from '../machine/machine.ts';
import { sectorOf } from './disk-refusals.ts';
import type { InstallPlan } from './plan.ts';
import type { ExtraPartition, InstallReport } from './wish.ts';

const KEY = 'install.extra-partitions';

/**
 * What the file systems of extra partitions need, before the disk is touched.
 *
 * @throws AgentError CONFIG_INVALID for unknown file systems and labels that do not fit.
 */
export async function checkExtraFileSystems(
  machine: Machine,
  extras: readonly ExtraPartition[],
): Promise<InstallReport[]> {
  const reports: InstallReport[] = [];
  for (const { name, fileSystem } of requestsOf(extras)) {
    const isMissing = await findMaker(machine, fileSystem).then(
      () => false,
      () => true,
    );
    if (!isMissing) continue;
    const message = `${name}: this system has no program that makes ${fileSystem}; the partition stays empty`;
    reports.push({ key: KEY, message, fatal: false });
  }
  return reports;
}

/**
 * Makes the file systems of the extra partitions, whose table is written. Returns sentences about those that could not be
 * made: the installation stands without them.
 */
export async function makeExtraFileSystems(machine: Machine, plan: InstallPlan): Promise<string[]> {
  const wanted = plan.partitions.filter(({ role, fileSystem }) => role === 'extra' && fileSystem !== undefined);
  const file = machine.locate(plan.disk.path);
  const { path, sizeBytes } = plan.disk;
  const disk = { path, file, sizeBytes, name: path.replace(/^\/dev\//, '') };
  const warnings: string[] = [];
  try {
    await rereadTable(machine, disk);
  } catch (error) {
    if (wanted.length > 0) warnings.push(sentenceOf(error));
  }
  for (const { number = 0, startBytes = 0, sizeBytes: bytes, label, fileSystem = 'none', fileSystemLabel } of wanted) {
    try {
      const extra = { name: label, sizeMib: 0, fileSystem, label: fileSystemLabel };
      const [request] = requestsOf([extra]);
      const extent = { number, startLba: startBytes / sectorOf(plan.disk), sizeBytes: bytes };
      if (request !== undefined) await makeFileSystem(machine, await findPartition(machine, disk, extent), request);
    } catch (error) {
      machine.signal.throwIfAborted();
      warnings.push(`The partition ${label} is there, without a file system: ${sentenceOf(error)}`);
    }
  }
  return warnings;
}

function requestsOf(extras: readonly ExtraPartition[]): PartitionRequest[] {
  try {
    return partitionRequests({
      device: {},
      add_partitions: extras.map(({ name, label, fileSystem, sizeMib }) => ({
        pLabel: name,
        fsLabel: label,
        filesystem: fileSystem,
        size: sizeMib,
      })),
    });
  } catch (error) {
    throw new AgentError({
      code: 'CONFIG_INVALID',
      message: `${KEY}: ${sentenceOf(error).replace(/^layout cannot make /, 'there cannot be ')}`,
      hint: `See ${KEY} in the reference of the configuration.`,
      cause: error,
    });
  }
}

function sentenceOf(error: unknown): string {
  return error instanceof Error ? error.message : 'it failed';
}
