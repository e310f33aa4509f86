import { CLOUD_CONFIG_FOLDER } from './state.ts';

/** The agent in the image. */
export const AGENT_FILE = '/usr/lib/bowline/bowline-agent';

/** What the agent keeps over restarts and versions; on state, readable by root only. */
export const AGENT_STATE_FOLDER = '/var/lib/bowline';

/** Records of the stages that ran since the machine started. */
export const STAGE_RECORD_FILE = '/run/bowline/stages.json';

/** Configuration that belongs to the image itself, before anything of its owner. */
export const IMAGE_CONFIG_FOLDER = '/usr/lib/bowline/cloud-config';

/**
 * Folders whose files' stages run, in this order; inside a folder by path. The order of the owner's folders is
 * Kairos's.
 */
export const STAGE_FOLDERS = [
  IMAGE_CONFIG_FOLDER,
  '/system/oem',
  CLOUD_CONFIG_FOLDER,
  '/oem',
  '/usr/local/cloud-config',
] as const;

/** Folders whose files make up the configuration, in this order: what comes later wins. */
export const MERGE_FOLDERS = [
  IMAGE_CONFIG_FOLDER,
  '/system/oem',
  CLOUD_CONFIG_FOLDER,
  '/run/initramfs/live',
  '/etc/kairos',
  '/usr/local/cloud-config',
  '/oem',
] as const;

/** How the machine was started: shell assignments, left by the initrd. */
export const BOOT_FILE = '/run/bowline/boot.conf';

/** There while the running version has yet to prove itself. */
export const TRIAL_FILE = '/run/bowline/trial';

/** Ends the wait of the initrd's deadman: the version has proved itself. */
export const BLESSED_FILE = '/run/bowline/blessed';

/** Where the agent mounts the ESP while it works on it. */
export const ESP_FOLDER = '/run/bowline/esp';

/** The verified root as it is in the image, without what is mounted over it. */
export const IMAGE_ROOT_FOLDER = '/run/bowline/image';

/** In the recovery: the state of the machine, while its own is in memory. */
export const MACHINE_STATE_FOLDER = '/run/bowline/machine-state';

/** What the bowl says of health and upgrades; see LifecycleDocument. */
export const LIFECYCLE_FILE = '/usr/lib/bowline/lifecycle.json';

/** Public keys (PEM) whose signatures make a release acceptable. */
export const RELEASE_KEYS_FOLDER = '/usr/lib/bowline/release-keys';
