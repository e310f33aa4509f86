import * as z from 'zod';
import { flag, text, texts } from './fields.ts';
import { systemImage } from './image.ts';

/** What happens during an upgrade. */
export const upgrade = z
  .strictObject({
    entry: text('System to upgrade: active or recovery.', 'active'),
    recovery: flag('Upgrade the recovery system.'),
    system: systemImage('The new system.'),
    'recovery-system': systemImage('The new recovery system.'),
    'grub-entry-name': text('Title in the boot menu.', 'Edge'),
    reboot: flag('Restart afterwards.'),
    poweroff: flag('Switch off afterwards.'),
    'extra-dirs-rootfs': texts('Folders to make in the image.', '/data'),
    'allow-insecure-registries': flag('Do not check certificates of registries.'),
    'excluded-paths': texts('Paths of the image to leave out.', '/usr/share/doc'),
    'efi-partition': z
      .unknown()
      .optional()
      .meta({ description: 'EFI system partition, for signed systems.', examples: [{ label: 'COS_GRUB' }] }),
  })
  .optional()
  .meta({ description: 'How the system is upgraded.', examples: [{ reboot: true }] });

/** What happens during a reset. */
export const reset = z
  .strictObject({
    'reset-persistent': flag('Empty the partition with the data of the machine; true unless given.'),
    'reset-oem': flag('Empty the partition with the configuration.'),
    reboot: flag('Restart afterwards.'),
    poweroff: flag('Switch off afterwards.'),
    'grub-entry-name': text('Title in the boot menu.', 'Edge'),
    tty: text('Terminal of the system.', 'tty1'),
    'extra-dirs-rootfs': texts('Folders to make in the image.', '/data'),
    system: systemImage('The system to reset to.'),
  })
  .optional()
  .meta({ description: 'How the system is reset.', examples: [{ 'reset-persistent': true, reboot: true }] });
