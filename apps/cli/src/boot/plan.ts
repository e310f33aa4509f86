import type { Arch } from '@bowline/spec';

/** Something a machine boots from or reads. Paths are absolute. */
export type Medium =
  /** A disk the machine writes to. `durable`: flushes reach the host's disk, so that killing the machine is a power cut, no more. */
  | {
      kind: 'disk';
      path: string;
      format: 'qcow2' | 'raw';
      durable: boolean;
      /** Every write and flush is recorded here (QEMU's `blklogwrites`). */
      writeLogPath?: string;
    }
  | { kind: 'cdrom'; path: string }
  /** A folder shown as a read-only FAT disk. */
  | { kind: 'fat-folder'; path: string };

/** UEFI with a variable store of its own, or the PC's BIOS. */
export type Firmware =
  | { kind: 'bios' }
  | { kind: 'uefi'; codePath: string; variablesPath: string; secureBoot: boolean };

/** The machine's one network card, behind QEMU's own NAT. */
export interface MachineNetwork {
  /** Port on 127.0.0.1 that leads to the machine's port 22. */
  sshPort?: number;
  /** Boot over the network from this folder by TFTP. */
  tftp?: { folder: string; bootFile: string };
}

/** Everything about one virtual machine as data; `qemuArgv` turns it into a command line. */
export interface MachinePlan {
  arch: Arch;
  accelerator: 'kvm' | 'tcg';
  memoryMiB: number;
  cpus: number;
  /** Instead of the best CPU that can be emulated. */
  cpuModel?: string | undefined;
  firmware: Firmware;
  /** In boot order. */
  media: readonly Medium[];
  network: MachineNetwork;
  /** Folder for sockets; short, because a socket's path may have 107 bytes at most. */
  runFolder: string;
  /** Folder with the state of a TPM 2.0 that the machine gets. */
  tpmStateFolder?: string;
  /** Give the machine a second port for the root shell of a debug image. */
  shell: boolean;
  /** Raw copy of the first serial port. */
  serialLogPath?: string;
}
