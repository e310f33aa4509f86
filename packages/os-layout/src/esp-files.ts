/** Bowline's own files on the ESP, beside boot entries and UKIs; relative to it. */
export const ESP_FILES = {
  /** Starts of a blessed version that did not get far, in a row: `ENTRY COUNT`, padded; always 512 bytes, written in place. */
  starts: 'bowline/starts',
  /** Why a version did not start: `ENTRY SENTENCE`, padded; always 512 bytes, written in place. */
  reason: 'bowline/reason',
  /** Folder of configurations (`*.yaml`) that the first start moves to `/oem`. */
  firstBoot: 'bowline/first-boot',
  /** Request to empty the state at the next start. */
  reset: 'bowline/reset',
  /** What GRUB reads: the script, which of the two menus holds (one sector, written in place), the menus, and the counters. */
  grubScript: 'bowline/grub/grub.cfg',
  grubMenu: 'bowline/grub/menu.cfg',
  grubMenuA: 'bowline/grub/menu-a.cfg',
  grubMenuB: 'bowline/grub/menu-b.cfg',
  grubEnvironment: 'bowline/grub/grubenv',
  /** On the ESP of a live medium: GRUB's images for the disks it is installed to. */
  installBoot: 'bowline/install/boot.img',
  installCore: 'bowline/install/core.img',
} as const;
