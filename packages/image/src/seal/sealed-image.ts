import type { Digest } from '@bowline/host';
import type { Arch } from '@bowline/spec';

/** A file of known size that a build step left in the cache. */
export interface SizedFile {
  path: string;
  sizeBytes: number;
}

/** Everything the outputs put together: one root, one kernel, one UKI; nothing here is specific to an output. */
export interface SealedImage {
  arch: Arch;
  name: string;
  version: string;
  imageId: Digest;
  /** Has an open root shell. */
  debug: boolean;
  /** sha256 of the certificate the UKI is signed with (DER), lower-case hex. */
  signer?: string;
  /** Hex root hash of the verity tree. */
  rootHash: string;
  squashfs: SizedFile;
  verity: SizedFile;
  /** Kernel image as the boot loader takes it. */
  kernel: SizedFile;
  kernelVersion: string;
  /** All initrd parts in load order, one file. */
  initrd: SizedFile;
  uki: SizedFile & { sha256: Digest };
  /** systemd-boot for this architecture, signed when keys are given. */
  bootLoader: SizedFile;
  /** GRUB's boot.img and core.img, where the architecture has a BIOS. */
  grub?: { boot: SizedFile; core: SizedFile };
  commandLines: { disk: string; live: string; netboot: string };
  /** Size of one root slot in bytes. */
  slotBytes: number;
  /** ISO 9660 volume ID that the live command line looks for. */
  liveLabel: string;
}
