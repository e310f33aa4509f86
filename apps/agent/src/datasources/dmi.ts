import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Machine } from '../machine/machine.ts';

const FIELDS = [
  'sys_vendor',
  'product_name',
  'product_uuid',
  'bios_vendor',
  'bios_version',
  'chassis_asset_tag',
] as const;

/** What the firmware says of the machine (SMBIOS, as sysfs shows it); '' for what it does not say. */
export type Dmi = Readonly<Record<(typeof FIELDS)[number], string>>;

/** Reads the fields that clouds are known by; all empty on machines without SMBIOS. */
export async function readDmi(machine: Machine): Promise<Dmi> {
  const folder = machine.locate('/sys/class/dmi/id');
  const texts = await Promise.all(FIELDS.map((field) => readFile(join(folder, field), 'utf8').catch(() => '')));
  return Object.fromEntries(FIELDS.map((field, index) => [field, texts[index]?.trim() ?? ''])) as unknown as Dmi;
}
