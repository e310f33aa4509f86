import type { Arch } from '@bowline/spec';
import type { AfterInstall, ConfigurationText, InstallReport } from './wish.ts';

/** A disk that something could be installed on. */
export interface InstallDisk {
  /** `/dev/nvme0n1` */
  path: string;
  /** A name that stays the same over restarts: below /dev/disk/by-id; undefined where udev makes none. */
  id: string | undefined;
  sizeBytes: number;
  /** Logical sectors: 512 or 4096. */
  sectorBytes: number;
  model: string;
  serial: string;
  /** How it is attached, for people: `nvme`, `virtio`, `sata`, `usb`, `mmc`, ''. */
  transport: string;
  removable: boolean;
  readOnly: boolean;
  /** The medium of the live system, or a part of it, is on it: never a target. */
  isMedium: boolean;
  /** Why it cannot be written at all, such as `/dev/sda1 is mounted at /mnt`; undefined when it can. */
  busy: string | undefined;
  /** What is on it now, one short line each: partitions, file systems, an installation; empty for an empty disk. */
  content: readonly string[];
  /** The installation that is on it, in words: `an installation (edge 1.2)`. */
  installation: string | undefined;
}

/** A partition as it will be. */
export interface PlannedPartition {
  /** Number in the table; undefined for those that the first start makes. */
  number: number | undefined;
  role: string;
  /** Name in the partition table. */
  label: string;
  typeGuid: string;
  /** undefined for those that the first start makes. */
  partGuid: string | undefined;
  /** Of state: about what it gets, since it takes the rest. */
  sizeBytes: number;
  /** First byte on the disk; undefined for those that the first start makes. */
  startBytes: number | undefined;
  /** File system of state and of an extra partition. */
  fileSystem: string | undefined;
  /** '' for none. */
  fileSystemLabel: string;
}

/** What will be installed, known before anything is fetched but its description. */
export interface PlannedSystem {
  name: string;
  version: string;
  imageId: string;
  arch: Arch;
  rootHash: string;
  rootBytes: number;
  /** For people: `this medium`, or the reference of a release. */
  origin: string;
  /** Key that signed the release; undefined for media and unsigned releases. */
  signedBy: string | undefined;
}

/** One step of an installation. */
export interface InstallStep {
  name: InstallStepName;
  /** For people: `Write the system`. */
  title: string;
  /** Bytes it writes or reads; 0 for steps that are over at once. Steps of one installation are compared by it. */
  bytes: number;
}

/** The steps in their order; those that have nothing to do are left out of a plan. */
export const INSTALL_STEPS = [
  'prepare',
  'wipe',
  'root',
  'boot-files',
  'boot-code',
  'verify',
  'table',
  'file-systems',
  'firmware',
] as const;

export type InstallStepName = (typeof INSTALL_STEPS)[number];

/** Everything that an installation will do: pure data, to be shown, and then run as it is. */
export interface InstallPlan {
  disk: InstallDisk;
  /** What is on the disk and will be lost; empty for an empty disk. */
  erased: readonly string[];
  system: PlannedSystem;
  /** Release to install; undefined for what the medium carries. */
  source: string | undefined;
  partitions: readonly PlannedPartition[];
  /** Of the whole disk. */
  diskGuid: string;
  /** Title in the boot menu. */
  title: string;
  /** How the installed disk starts: by UEFI, and by BIOS where the image can. */
  firmware: readonly ('uefi' | 'bios')[];
  /** Files for the installed system's first start; may hold secrets: show `origin` only. */
  configurations: readonly ConfigurationText[];
  after: AfterInstall;
  steps: readonly InstallStep[];
  /** Keys that do not do what they say. */
  reports: readonly InstallReport[];
  /** What the reader should know before the start, in sentences. */
  warnings: readonly string[];
  /** Environment of the programs that are run; may hold secrets. */
  env: Readonly<Record<string, string>>;
}

/** How far an installation is. */
export interface InstallProgress {
  step: InstallStep;
  /** 0 and up, in `plan.steps`. */
  stepIndex: number;
  /** Of this step. */
  doneBytes: number;
  /** Of the whole installation. */
  totalDoneBytes: number;
  totalBytes: number;
  /** Seconds that are left, once that can be told. */
  secondsLeft: number | undefined;
}

/** How an installation is run. */
export interface InstallOptions {
  /** Called at every step and several times a second. */
  onProgress?: (progress: InstallProgress) => void;
  signal?: AbortSignal;
}

/** What an installation left. */
export interface InstallResult {
  disk: string;
  system: PlannedSystem;
  /** What did not work although the installation is there, such as the firmware's boot entry. */
  warnings: string[];
  seconds: number;
  writtenBytes: number;
}
