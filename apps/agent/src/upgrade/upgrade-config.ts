import type { Machine } from '../machine/machine.ts';

/** What the configuration of the machine says of upgrades. */
export interface UpgradeConfig {
  /** Where new versions come from. */
  source: string | undefined;
  recoverySource: string | undefined;
  recovery: boolean;
  /** What happens when the version is written. */
  afterwards: 'reboot' | 'poweroff' | undefined;
  /** Sentences about keys that mean nothing here. */
  warnings: string[];
}

/** Keys of `upgrade` that other systems know, and why they do nothing here. */
const WITHOUT_EFFECT: Readonly<Record<string, string>> = {
  'grub-entry-name': 'the title in the boot menu is name and version of the image',
  'extra-dirs-rootfs': 'the root is verified as it was built; add folders to the bowl',
  'allow-insecure-registries': 'certificates are always checked; give the machine the certificate of the registry',
  'excluded-paths': 'the root is verified as it was built; leave paths out in the bowl',
  'efi-partition': 'the partition is found by itself',
};

type Fields = Readonly<Record<string, unknown>>;

/** Reads `upgrade` of the cloud-configs. Nothing is fetched. */
export async function readUpgradeConfig(machine: Machine): Promise<UpgradeConfig> {
  const { mergedConfig } = await import('../config/merged-config.ts');
  const { values } = await mergedConfig(machine);
  return upgradeConfigOf(fieldsOf(values['upgrade']));
}

/** What the block `upgrade` means. */
function upgradeConfigOf(upgrade: Fields): UpgradeConfig {
  const warnings = Object.entries(WITHOUT_EFFECT)
    .filter(([key]) => Object.hasOwn(upgrade, key))
    .map(([key, why]) => `upgrade.${key} does nothing: ${why}.`);
  return {
    source: sourceOf(fieldsOf(upgrade['system'])),
    recoverySource: sourceOf(fieldsOf(upgrade['recovery-system'])),
    recovery: upgrade['recovery'] === true || upgrade['entry'] === 'recovery',
    afterwards: upgrade['reboot'] === true ? 'reboot' : upgrade['poweroff'] === true ? 'poweroff' : undefined,
    warnings,
  };
}

function sourceOf(system: Fields): string | undefined {
  const source = system['source'] ?? system['uri'];
  return typeof source === 'string' && source !== '' ? source : undefined;
}

function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}
