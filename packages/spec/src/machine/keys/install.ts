import * as z from 'zod';
import { environmentList, flag, text, texts, whole } from './fields.ts';
import { bundles, grubOptions, Partitions, systemImage } from './image.ts';

/** What happens during an installation. */
export const install = z
  .strictObject({
    auto: flag('Install without asking.'),
    reboot: flag('Restart afterwards.'),
    poweroff: flag('Switch off afterwards.'),
    device: text('Disk: auto, /dev/NAME, /dev/disk/by-id/NAME, or script://COMMAND that prints it.', '/dev/sda'),
    source: text(
      'Image to install: oci:, docker:, dir:, file: or ocifile:; the running one unless given.',
      'oci:registry.example.com/os:1',
    ),
    'no-format': z
      .boolean()
      .optional()
      .meta({
        description: 'Use partitions that exist, found by their labels.',
        examples: [true],
        taughtAs: ['no_format'],
      }),
    force: flag('Overwrite an installation that exists.'),
    partitions: Partitions,
    'extra-partitions': z
      .array(
        z.strictObject({
          name: z.string().meta({ description: 'Name in the partition table.', examples: ['data'] }),
          size: whole('Size in MiB; 0 takes the rest.', 1024),
          fs: text('File system, ext2 unless given; none for a raw partition.', 'ext4'),
          label: text('Label of the file system.', 'DATA'),
        }),
      )
      .optional()
      .meta({ description: 'Further partitions.', examples: [[{ name: 'data', size: 1024, fs: 'ext4' }]] }),
    system: systemImage('The active system.'),
    'recovery-system': systemImage('The recovery system.'),
    passive: systemImage('The fallback system.'),
    encrypted_partitions: texts('Labels of partitions to encrypt.', 'COS_PERSISTENT'),
    skip_copy_kcrypt_plugin: z
      .boolean()
      .optional()
      .meta({ description: 'Read by nothing.', examples: [true], dead: 'nothing reads it, in Kairos neither' }),
    bind_mounts: texts('Folders that keep their changes.', '/var/lib/app'),
    ephemeral_mounts: texts('Folders that lose their changes at every boot.', '/srv/cache'),
    'extra-dirs-rootfs': texts('Folders to make in the image, as places for mounts.', '/data'),
    grub_options: grubOptions('Variables of the boot loader.'),
    'grub-entry-name': text('Title in the boot menu.', 'Edge'),
    bundles: bundles('Bundles to apply after the installation.'),
    env: environmentList('Environment of the installation, as KEY=VALUE.'),
    nousers: flag('Install although no stage makes a user of the group admin.'),
    ssh_hardening: flag('Only keys at SSH, and the strict baseline.'),
    selinux: z
      .strictObject({ enabled: flag('Use SELinux.'), mode: text('enforcing or permissive.', 'permissive') })
      .optional()
      .meta({ description: 'SELinux of the installed system.', examples: [{ enabled: true, mode: 'permissive' }] }),
    extensions: z
      .array(z.unknown())
      .optional()
      .meta({ description: 'System extensions to install.', examples: [['tools']] }),
    firmware: text('Kind of firmware: efi or bios.', 'efi'),
    'part-table': text('Partition table: gpt.', 'gpt'),
    'cloud-init': texts('Further files of configuration, or URLs.', '/run/config.yaml'),
    iso: text('ISO to install from.', '/run/initramfs/live.iso'),
    tty: text('Terminal of the installed system.', 'tty1'),
    'skip-entries': texts('Boot entries not to make.', 'recovery'),
    'allow-insecure-registries': flag('Do not check certificates of registries.'),
  })
  .meta({
    mistakes: { image: 'source', encrypted: 'encrypted_partitions' },
  })
  .optional()
  .meta({ description: 'How the system is installed.', examples: [{ auto: true, device: 'auto', reboot: true }] });
