import * as z from 'zod';
import { text, texts, whole } from './fields.ts';

/** An image of a system, and the size of the file or partition that holds it. */
export const systemImage = (description: string) =>
  z
    .strictObject({
      size: whole('Size in MiB; too small sizes are raised.', 4096),
      source: text(
        'Where the image comes from: oci:, docker:, dir:, file: or ocifile:.',
        'oci:registry.example.com/os:1',
      ),
      uri: text('Older name of source.', 'oci:registry.example.com/os:1'),
      fs: text('File system.', 'ext2'),
      label: text('Label of the file system.', 'COS_ACTIVE'),
    })
    .optional()
    .meta({ description, examples: [{ size: 4096 }] });

const partition = (description: string) =>
  z
    .strictObject({
      size: whole('Size in MiB; 0 takes the rest of the disk.', 512),
      fs: text('File system.', 'ext4'),
      name: text('Name by which the system knows it.', 'oem'),
      label: text('Label of the file system.', 'COS_OEM'),
      partition_label: text('Name in the partition table.', 'oem'),
      flags: texts('Partition flags.', 'esp'),
      uuid: text('UUID of the file system.', '0b4b0f06-1f5c-4f4e-9f0e-1d0a7f2a1c11'),
    })
    .optional()
    .meta({ description, examples: [{ size: 512, fs: 'ext4' }] });

/** Partitions of an installation by role. */
export const Partitions = z
  .strictObject({
    oem: partition('Holds the configuration of the machine.'),
    recovery: partition('Holds the recovery system.'),
    state: partition('Holds the images of the system.'),
    persistent: partition('Holds the data of the machine.'),
    efi: partition('EFI system partition.'),
  })
  .optional()
  .meta({ description: 'Sizes and file systems of the partitions.', examples: [{ oem: { size: 512, fs: 'ext4' } }] });

/** One bundle, or several of one kind. */
const Bundle = z.strictObject({
  repository: text('Where luet packages come from.', 'docker://registry.example.com/packages'),
  rootfs_path: text('Folder to unpack to.', '/var/lib/extensions/tools'),
  db_path: text('Folder of the package database.', '/usr/local/.kairos/db'),
  local_file: z
    .boolean()
    .optional()
    .meta({ description: 'The targets are files of the machine.', examples: [true] }),
  targets: texts(
    'What to apply: run://IMAGE, container://IMAGE, docker://IMAGE or luet PACKAGE.',
    'run://registry.example.com/bundle:1',
  ),
});

/** Bundles, at the top or in `install`. */
export const bundles = (description: string) =>
  z
    .array(Bundle)
    .optional()
    .meta({ description, examples: [[{ targets: ['run://registry.example.com/bundle:1'] }]] });

/** Variables of the boot loader, at the top or in `install`. */
export const grubOptions = (description: string) =>
  z
    .strictObject({
      next_entry: text('Entry of the next boot only.', 'recovery'),
      saved_entry: text('Entry of every boot.', 'cos'),
      default_menu_entry: text('Title in the menu.', 'Edge'),
      extra_cmdline: text('Kernel arguments of every entry.', 'console=ttyS0'),
      extra_active_cmdline: text('Kernel arguments of the active system.', 'quiet'),
      extra_passive_cmdline: text('Kernel arguments of the fallback system.', 'quiet'),
      extra_recovery_cmdline: text('Kernel arguments of the recovery system.', 'quiet'),
      default_fallback: text('Entries to try when the default fails.', '0 1 2'),
    })
    .loose()
    .optional()
    .meta({ description, examples: [{ extra_cmdline: 'console=ttyS0' }] });
