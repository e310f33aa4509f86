export {
  AGENT_FILE,
  AGENT_STATE_FOLDER,
  BLESSED_FILE,
  BOOT_FILE,
  ESP_FOLDER,
  IMAGE_CONFIG_FOLDER,
  IMAGE_ROOT_FOLDER,
  LIFECYCLE_FILE,
  MACHINE_STATE_FOLDER,
  MERGE_FOLDERS,
  RELEASE_KEYS_FOLDER,
  STAGE_FOLDERS,
  STAGE_RECORD_FILE,
  TRIAL_FILE,
} from './agent.ts';
export {
  BOOT_TRIES,
  type BootEntry,
  type BootTries,
  bootEntryId,
  bootEntryName,
  bootEntryText,
  ENTRY_FOLDER,
  type EntryKey,
  ESP_RECORD_BYTES,
  espRecord,
  loaderConfigText,
  parseBootEntryName,
  parseBootEntryText,
  ukiDigestOf,
  ukiPath,
} from './boot-entry.ts';
export { isBad, isTrial, type OrderedEntry, orderOfStart } from './boot-order.ts';
export { SOURCE_EPOCH } from './epoch.ts';
export { OsLayoutError, type OsLayoutErrorCode } from './error.ts';
export { ESP_FILES } from './esp-files.ts';
export {
  encodeGrubEnvironment,
  GRUB_ENVIRONMENT_BYTES,
  type GrubEnvironment,
  parseGrubEnvironment,
} from './grub-environment.ts';
export { grubEspFiles } from './grub-esp.ts';
export {
  encodeGrubMenu,
  GRUB_MENU_BYTES,
  type GrubEntry,
  menuTries,
  parseGrubMenu,
  type SectorRun,
} from './grub-menu.ts';
export { GRUB_MODULES, GRUB_PREFIX, grubScriptText } from './grub-script.ts';
export {
  type BootMode,
  type CommandLineOptions,
  DEBUG_TERMINAL,
  kernelCommandLine,
  LIVE_FILES,
  LOOP_REF,
  NETBOOT_FILES,
} from './kernel-command-line.ts';
export {
  diskLayout,
  type LayoutOptions,
  type PartitionPlan,
  type PartitionRole,
  STATE_LABEL,
  TYPE_GUID,
} from './partitions.ts';
export { type DefinitionFile, repartDefinitions } from './repart.ts';
export { recoveryUuids, rootHashOf, type SlotUuids, slotUuids } from './root-hash.ts';
export {
  BIOS_BOOT_SIZE_BYTES,
  type DiskDemand,
  ESP_SIZE_BYTES,
  fitsDisk,
  GIB,
  MIB,
  SLOT_FULL_WARNING,
  SMALLEST_STATE_SIZE_BYTES,
  slotSizeBytes,
  smallestDiskBytes,
  veritySizeBytes,
} from './sizes.ts';
export {
  BOWLINE_FOLDER,
  CLOUD_CONFIG_FOLDER,
  MOUNT_POINTS,
  PACKAGE_DATABASES,
  PERSIST_FILE,
  RELEASE_FILE,
  RUNNING_IMAGE_FILE,
  STATE_BINDS,
  STATE_FOLDER,
  STATE_OVERLAYS,
} from './state.ts';
export { TEST_KEY_SUBJECT } from './test-key.ts';
export { UKI_PROFILE, type UkiMode } from './uki-profiles.ts';
