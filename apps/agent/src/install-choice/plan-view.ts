import { formatBytes } from '@bowline/spec';
import type { InstallDisk, InstallPlan } from '../install/plan.ts';
import type { AfterInstall, InstallReport } from '../install/wish.ts';

/** A disk as people see it in a list. */
export interface DiskView {
  path: string;
  size: string;
  /** Model, connection, serial number: what tells two disks apart. */
  description: string;
  /** What is on it, one line each; empty for an empty disk. */
  content: readonly string[];
  /** Why it cannot be chosen; undefined when it can. */
  unfit: string | undefined;
}

/** What a plan says to people: no contents of configurations, no environment. */
export interface PlanView {
  disk: DiskView;
  erased: readonly string[];
  system: {
    name: string;
    version: string;
    origin: string;
    size: string;
    signedBy: string | undefined;
    isMedium: boolean;
  };
  partitions: readonly { label: string; role: string; size: string; fileSystem: string | undefined; later: boolean }[];
  firmware: string;
  configurations: readonly string[];
  after: AfterInstall;
  reports: readonly InstallReport[];
  warnings: readonly string[];
  /** To be typed before the disk is erased; undefined when nothing is on it. */
  confirmation: string | undefined;
}

export function diskView(disk: InstallDisk): DiskView {
  const words = [disk.model, disk.transport, disk.serial].map((word) => word.trim()).filter((word) => word !== '');
  return {
    path: disk.path,
    size: formatBytes(disk.sizeBytes),
    description: words.join(', '),
    content: disk.content,
    unfit: unfitness(disk),
  };
}

export function planView(plan: InstallPlan): PlanView {
  const { system } = plan;
  return {
    disk: diskView(plan.disk),
    erased: plan.erased,
    system: {
      name: system.name,
      version: system.version,
      origin: system.origin,
      size: formatBytes(system.rootBytes),
      signedBy: system.signedBy,
      isMedium: plan.source === undefined,
    },
    partitions: plan.partitions.map(({ label, role, sizeBytes, startBytes, fileSystem }) => ({
      label,
      role,
      size: formatBytes(sizeBytes),
      fileSystem,
      later: startBytes === undefined,
    })),
    firmware: plan.firmware.map((kind) => (kind === 'uefi' ? 'UEFI' : 'BIOS')).join(' and '),
    configurations: plan.configurations.map(({ origin }) => origin),
    after: plan.after,
    reports: plan.reports,
    warnings: plan.warnings,
    confirmation: confirmationFor(plan),
  };
}

/** What somebody types who means it: the disk's own name, because nobody types it for the wrong one by habit. */
export function confirmationFor(plan: InstallPlan): string | undefined {
  return plan.erased.length === 0 ? undefined : plan.disk.path;
}

function unfitness(disk: InstallDisk): string | undefined {
  if (disk.isMedium) return 'the medium this system runs from';
  if (disk.readOnly) return 'write-protected';
  return disk.busy;
}
