/** Where firmware looks for a boot loader on any medium (UEFI 2.10, 3.5.1.1): every ESP of ours has systemd-boot there. */
export const BOOT_LOADER_FILES = { amd64: 'EFI/BOOT/BOOTX64.EFI', arm64: 'EFI/BOOT/BOOTAA64.EFI' } as const;

/** systemd-boot under its own name. */
export const SECOND_BOOT_LOADER_FILES = {
  amd64: 'EFI/systemd/systemd-bootx64.efi',
  arm64: 'EFI/systemd/systemd-bootaa64.efi',
} as const;
