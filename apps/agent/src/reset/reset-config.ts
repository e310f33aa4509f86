import type { Machine } from '../machine/machine.ts';

/** What the configuration of the machine says of resets. */
export interface ResetConfig {
  /** `/oem` is emptied, too. */
  oem: boolean;
  /** False: the state stays. */
  state: boolean;
  afterwards: 'reboot' | 'poweroff' | undefined;
  /** Sentences about keys that mean nothing here. */
  warnings: string[];
}

/** Keys of `reset` that other systems know, and why they do nothing here. */
const WITHOUT_EFFECT: Readonly<Record<string, string>> = {
  'grub-entry-name': 'the title in the boot menu is name and version of the image',
  tty: 'kernel arguments are part of the image',
  'extra-dirs-rootfs': 'the root is verified as it was built; add folders to the bowl',
  system: 'a reset keeps the versions that are installed; use upgrade or install for another one',
};

type Fields = Readonly<Record<string, unknown>>;

/** Reads `reset` of the cloud-configs. */
export async function readResetConfig(machine: Machine): Promise<ResetConfig> {
  const { mergedConfig } = await import('../config/merged-config.ts');
  const { values } = await mergedConfig(machine);
  const reset = values['reset'];
  return resetConfigOf(typeof reset === 'object' && reset !== null && !Array.isArray(reset) ? (reset as Fields) : {});
}

/** What the block `reset` means. */
export function resetConfigOf(reset: Fields): ResetConfig {
  return {
    oem: reset['reset-oem'] === true,
    state: reset['reset-persistent'] !== false,
    afterwards: reset['reboot'] === true ? 'reboot' : reset['poweroff'] === true ? 'poweroff' : undefined,
    warnings: Object.entries(WITHOUT_EFFECT)
      .filter(([key]) => Object.hasOwn(reset, key))
      .map(([key, why]) => `reset.${key} does nothing: ${why}.`),
  };
}
