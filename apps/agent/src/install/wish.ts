/** What the machine does once the installation is there. */
export type AfterInstall = 'nothing' | 'reboot' | 'poweroff';

/** A partition besides those of the system. */
export interface ExtraPartition {
  /** Name in the partition table. */
  name: string;
  /** 0: what the system leaves. */
  sizeMib: number;
  /** `none` for a partition without a file system. */
  fileSystem: string;
  /** Label of its file system; '' for none. */
  label: string;
}

/** A cloud-config for the installed system. May hold secrets: never shown. */
export interface ConfigurationText {
  /** Where it came from, for people. */
  origin: string;
  text: string;
  /** File name below /oem; `90_custom.yaml`, `91_custom.yaml` ... unless given. */
  name?: string;
}

/** What somebody wants installed, and where: from `install.*` of a configuration, from options, or from a person. */
export interface InstallWish {
  /** `install.auto`: install without asking. */
  unattended: boolean;
  /** `auto`, a path, a link below /dev/disk, or `script://COMMAND` that prints one of these. */
  device: string;
  /** Release to install; undefined for what the medium carries. */
  source: string | undefined;
  /** Erase a disk that is not empty. */
  force: boolean;
  after: AfterInstall;
  /** Title in the boot menu; undefined for name and version of the image. */
  title: string | undefined;
  extraPartitions: readonly ExtraPartition[];
  /** The least the state partition gets, where an extra partition takes the rest. */
  stateMib: number | undefined;
  /** Folders that keep their changes, and that lose them at every start (`bind_mounts`, `ephemeral_mounts`). */
  keptFolders: readonly string[];
  droppedFolders: readonly string[];
  /** Environment of the programs that the installation runs; may hold secrets. */
  env: Readonly<Record<string, string>>;
  /** For the installed system, in their order. */
  configurations: readonly ConfigurationText[];
}

/** A key of the configuration that does not do what it says, and what it does instead. */
export interface InstallReport {
  /** As people write it: `install.bundles`. */
  key: string;
  message: string;
  /** True when installing in spite of it would do harm: the installation is refused. */
  fatal: boolean;
}

/** The wish of somebody who asks for nothing: the largest disk, from this medium. */
export const PLAIN_WISH: InstallWish = {
  unattended: false,
  device: 'auto',
  source: undefined,
  force: false,
  after: 'nothing',
  title: undefined,
  extraPartitions: [],
  stateMib: undefined,
  keptFolders: [],
  droppedFolders: [],
  env: {},
  configurations: [],
};
