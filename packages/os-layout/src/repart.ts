import { diskLayout, type LayoutOptions, TYPE_GUID } from './partitions.ts';
import { SMALLEST_STATE_SIZE_BYTES } from './sizes.ts';

/** A file of a repart.d folder. */
export interface DefinitionFile {
  name: string;
  text: string;
}

/**
 * Definitions with which the initrd completes the disk it started from (repart.d(5)): slot B, recovery, state.
 * Existing partitions are matched by type in order, and without repeated sizes repart would ask for 10 MiB at least
 * and refuse a smaller hash partition; so slot A is listed too, each size as minimum and maximum. Slots are marked as
 * not to be mounted or grown by anyone who finds them (systemd-gpt-auto-generator would). The state file system is
 * made before the partition appears in the table: power cuts leave none or a whole one.
 */
export function repartDefinitions(options: LayoutOptions): readonly DefinitionFile[] {
  return diskLayout(options)
    .filter(({ role }) => role !== 'esp' && role !== 'bios-boot')
    .map((partition, index) => {
      const fixed = partition.sizeBytes;
      const lines = [
        '[Partition]',
        `Type=${partition.typeGuid}`,
        `Label=${partition.label}`,
        ...(fixed === undefined
          ? [`SizeMinBytes=${SMALLEST_STATE_SIZE_BYTES}`, 'Weight=1000', 'Format=ext4']
          : [`SizeMinBytes=${fixed}`, `SizeMaxBytes=${fixed}`, 'Weight=0', 'ReadOnly=yes', 'NoAuto=yes']),
        // Only root types know this attribute.
        ...(partition.typeGuid === TYPE_GUID.root[options.arch] ? ['GrowFileSystem=no'] : []),
      ];
      return { name: `${(index + 1) * 10}-${partition.label}.conf`, text: `${lines.join('\n')}\n` };
    });
}
