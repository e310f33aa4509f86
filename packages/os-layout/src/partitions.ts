import type { Arch } from '@bowline/spec';
import { BIOS_BOOT_SIZE_BYTES, ESP_SIZE_BYTES, veritySizeBytes } from './sizes.ts';

/** What a partition is for. */
export type PartitionRole =
  | 'esp'
  | 'bios-boot'
  | 'root-a'
  | 'root-a-verity'
  | 'root-b'
  | 'root-b-verity'
  | 'recovery'
  | 'recovery-verity'
  | 'state';

/** One partition of the layout. */
export interface PartitionPlan {
  role: PartitionRole;
  /** GPT partition name; the machine finds `state` by it, on the disk its root is on. */
  label: string;
  /** Partition type GUID, lower case. */
  typeGuid: string;
  /** undefined: all that is left, and it grows with the disk. */
  sizeBytes: number | undefined;
  /** True for what a shipped disk image holds; the rest is made by the initrd at the first boot. */
  shipped: boolean;
}

/** What the layout depends on. */
export interface LayoutOptions {
  arch: Arch;
  slotBytes: number;
  recovery: boolean;
}

/**
 * Partition type GUIDs: the UAPI Discoverable Partitions Specification for ESP, root and root-verity; GRUB's for BIOS
 * boot; a GUID of Bowline's own for state, so that no other partition of the disk can be taken for it.
 */
export const TYPE_GUID = {
  esp: 'c12a7328-f81f-11d2-ba4b-00a0c93ec93b',
  biosBoot: '21686148-6449-6e6f-744e-656564454649',
  root: { amd64: '4f68bce3-e8cd-4db1-96e7-fbcaf984b709', arm64: 'b921b045-1df0-41c3-af44-4c6f280d3fae' },
  rootVerity: { amd64: '2c7357ed-ebd2-46d9-aec1-23d437ec2bf5', arm64: 'df3300ce-d69f-4c92-978c-9bfb0f38d820' },
  state: '63e2b640-f44b-4683-b376-00c755761e26',
} as const;

/** GPT name of the partition with the machine's state. */
export const STATE_LABEL = 'bowline-state';

/**
 * The whole disk in order: ESP, BIOS boot (amd64), slot A, slot B, recovery, state. Slot A is the only one a shipped
 * image carries.
 */
export function diskLayout(options: LayoutOptions): readonly PartitionPlan[] {
  const { arch, slotBytes } = options;
  const pair = (role: 'root-a' | 'root-b' | 'recovery', shipped: boolean): PartitionPlan[] => [
    { role, label: role, typeGuid: TYPE_GUID.root[arch], sizeBytes: slotBytes, shipped },
    {
      role: `${role}-verity`,
      label: `${role}-verity`,
      typeGuid: TYPE_GUID.rootVerity[arch],
      sizeBytes: veritySizeBytes(slotBytes),
      shipped,
    },
  ];
  const biosBoot: PartitionPlan = {
    role: 'bios-boot',
    label: 'bios-boot',
    typeGuid: TYPE_GUID.biosBoot,
    sizeBytes: BIOS_BOOT_SIZE_BYTES,
    shipped: true,
  };
  return [
    { role: 'esp', label: 'esp', typeGuid: TYPE_GUID.esp, sizeBytes: ESP_SIZE_BYTES, shipped: true },
    ...(arch === 'amd64' ? [biosBoot] : []),
    ...pair('root-a', true),
    ...pair('root-b', false),
    ...(options.recovery ? pair('recovery', false) : []),
    { role: 'state', label: STATE_LABEL, typeGuid: TYPE_GUID.state, sizeBytes: undefined, shipped: false },
  ];
}
