import { IMAGE_CONFIG_FOLDER } from '@bowline/os-layout';

/** Where {@link DATASOURCE_CONFIG} goes; relative to the root. Its name puts it before all other files of the folder. */
export const DATASOURCE_CONFIG_FILE = `${IMAGE_CONFIG_FOLDER.slice(1)}/00-datasource.yaml`;

/**
 * Asks for user data without a word in the bowl. Discs first and early: the plan of a stage is made before it runs, so what
 * `rootfs` finds is there for `initramfs`. Clouds need a network; none is asked unless the firmware names it.
 */
export const DATASOURCE_CONFIG = `#cloud-config
name: User data of the place where the machine runs
stages:
  rootfs:
    - name: Look for discs with user data
      datasource:
        providers: [nocloud, config-drive, cdrom]
  network:
    - name: Ask the cloud that the firmware names
      datasource:
        providers: [aws, azure, gcp, hetzner, openstack, packet, scaleway, vultr, digitalocean, vmware]
`;
