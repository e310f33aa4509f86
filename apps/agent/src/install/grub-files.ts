import { readUkiPlaces } from '@bowline/formats';
import { type BootEntry, grubEspFiles } from '@bowline/os-layout';

/**
 * What GRUB reads from the EFI system partition of a disk with one version: script, menus, counters.
 *
 * @throws FormatsError for a UKI that GRUB cannot read by sectors.
 */
export async function grubFiles(entry: BootEntry, uki: Uint8Array): Promise<[string, Uint8Array][]> {
  const places = await readUkiPlaces((offset, length) => uki.subarray(offset, offset + length), uki.length);
  const { kernel, initrd, commandLines } = places;
  return grubEspFiles([{ ...entry, state: 'good', kernel, initrd, commandLine: commandLines[0] ?? '' }]);
}
