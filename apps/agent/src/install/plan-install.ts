import { randomUUID } from 'node:crypto';
import { ESP_SIZE_BYTES, veritySizeBytes } from '@bowline/os-layout';
import { AgentError } from '../error.ts';
import type { Machine } from '../machine/machine.ts';
import { chooseDisk } from './choose-disk.ts';
import { refuseContent, refuseUnusable, sectorOf } from './disk-refusals.ts';
import { listDisks } from './disks.ts';
import { checkExtraFileSystems } from './extra-file-systems.ts';
import { installedConfigurations } from './installed-configurations.ts';
import { layOutDisk } from './layout.ts';
import { mountConfiguration } from './mount-configuration.ts';
import { openInstallSource } from './open-source.ts';
import type { InstallDisk, InstallPlan, InstallStep, PlannedPartition } from './plan.ts';
import type { InstallSource } from './source.ts';
import type { InstallReport, InstallWish } from './wish.ts';

const BOTH_TABLES_BYTES = 2 ** 20;

/**
 * Chooses the disk, looks at what is on it, opens the source and says everything that an installation would do. Nothing
 * is written. `reports` are those of `readInstallWish`.
 *
 * @throws AgentError DISK_INVALID when there is no such disk, it is too small, or is the medium; DISK_IN_USE when it
 *   is mounted, or is not empty without `force` (the message names what is there); CONFIG_INVALID for fatal reports;
 *   SOURCE_UNAVAILABLE, SIGNATURE_INVALID, RELEASE_UNFIT of the source.
 */
export async function planInstall(
  machine: Machine,
  wish: InstallWish,
  reports: readonly InstallReport[] = [],
): Promise<InstallPlan> {
  refuseFatal(reports);
  const disk = await chooseDisk(machine, wish.device, wish.env);
  refuseUnusable(disk);
  const source = await openInstallSource(machine, wish.source);
  const { system } = source;
  const partitions = layOutDisk({
    disk: { ...disk, sectorBytes: sectorOf(disk) },
    arch: system.arch,
    slotBytes: source.slotBytes,
    recovery: source.recovery,
    rootHash: system.rootHash,
    extras: wish.extraPartitions,
    stateMib: wish.stateMib,
  });
  // After the size: who has to take another disk need not be asked whether this one may be erased.
  refuseContent(disk, wish.force);
  checkSource(source);
  const mounts = await mountConfiguration(machine, wish);
  const extraReports = await checkExtraFileSystems(machine, wish.extraPartitions);
  const given = installedConfigurations(wish.configurations);
  const hasBios = system.arch === 'amd64' && disk.sectorBytes === 512 && (await source.biosLoader()) !== undefined;
  return {
    disk,
    erased: disk.content,
    system,
    source: wish.source,
    partitions,
    diskGuid: randomUUID(),
    title: wish.title ?? `${system.name} ${system.version}`.trim(),
    firmware: hasBios ? ['uefi', 'bios'] : ['uefi'],
    configurations: [...mounts.configurations, ...given.configurations],
    after: wish.after,
    steps: planSteps(source, partitions, hasBios),
    reports: [...reports, ...mounts.reports, ...extraReports],
    warnings: [
      ...source.warnings,
      ...given.warnings,
      ...(await otherInstallations(machine, disk)),
      ...(hasBios || system.arch !== 'amd64' ? [] : ['the disk will start by UEFI only, not by BIOS']),
    ],
    env: wish.env,
  };
}

/** Two disks with one version look the same to the initrd, which finds its root by GUIDs that follow from it. */
async function otherInstallations(machine: Machine, disk: InstallDisk): Promise<string[]> {
  const others = (await listDisks(machine)).filter(
    ({ path, installation }) => path !== disk.path && installation !== undefined,
  );
  return others.map(
    (other) => `${other.path} holds ${other.installation ?? ''} too: take it out, or the machine may start from it`,
  );
}

function refuseFatal(reports: readonly InstallReport[]): void {
  const fatal = reports.filter((report) => report.fatal);
  if (fatal.length === 0) return;
  throw new AgentError({
    code: 'CONFIG_INVALID',
    message: fatal.map(({ key, message }) => `${key}: ${message}.`).join(' '),
    hint: 'Nothing was written.',
  });
}

/** Parts that would not fit their places, which only a broken medium has. Throws AgentError SLOT_TOO_SMALL. */
function checkSource({ system, slotBytes, verityBytes, uki }: InstallSource): void {
  const isFine =
    system.rootBytes <= slotBytes && verityBytes <= veritySizeBytes(slotBytes) && uki.sizeBytes < ESP_SIZE_BYTES / 2;
  if (isFine) return;
  throw new AgentError({
    code: 'SLOT_TOO_SMALL',
    message: `install: ${system.name} ${system.version} does not fit the slot it was made for.`,
    hint: 'Build it again.',
  });
}

function planSteps(source: InstallSource, partitions: readonly PlannedPartition[], hasBios: boolean): InstallStep[] {
  const rootBytes = source.system.rootBytes + source.verityBytes;
  const bootBytes = source.uki.sizeBytes + 2 * source.bootLoader.sizeBytes;
  const extras = partitions.filter(({ role, fileSystem }) => role === 'extra' && fileSystem !== undefined);
  return [
    { name: 'prepare', title: 'Check the disk', bytes: 0 },
    { name: 'wipe', title: 'Erase what is on the disk', bytes: 2 * BOTH_TABLES_BYTES },
    { name: 'root', title: 'Write the system', bytes: rootBytes },
    { name: 'boot-files', title: 'Write the boot files', bytes: bootBytes },
    ...(hasBios ? [{ name: 'boot-code' as const, title: 'Write the boot code for BIOS', bytes: 0 }] : []),
    { name: 'verify', title: 'Read everything back', bytes: (source.verifiesRoot ? 0 : rootBytes) + bootBytes },
    { name: 'table', title: 'Write the partition table', bytes: 0 },
    ...(extras.length > 0 ? [{ name: 'file-systems' as const, title: 'Make file systems', bytes: 0 }] : []),
    { name: 'firmware', title: 'Tell the firmware', bytes: 0 },
  ];
}
