import { type AfterInstall, type ExtraPartition, type InstallReport, type InstallWish, PLAIN_WISH } from './wish.ts';

type Values = Readonly<Record<string, unknown>>;

/** What a key of `install` does here: it is part of the wish, or a sentence says what becomes of it. */
type Treatment = 'mapped' | ((value: unknown) => Omit<InstallReport, 'key'> | undefined);

const note = (message: string): Treatment => {
  return (value) => (isNothing(value) ? undefined : { message, fatal: false });
};
const fatal = (message: string): Treatment => {
  return (value) => (isNothing(value) ? undefined : { message, fatal: true });
};

/** Every key of `install` (packages/spec/src/machine/keys/install.ts); a test walks the schema, so that none is forgotten. */
export const INSTALL_KEYS: Readonly<Record<string, Treatment>> = {
  auto: 'mapped',
  reboot: 'mapped',
  poweroff: 'mapped',
  device: 'mapped',
  source: 'mapped',
  force: 'mapped',
  'extra-partitions': 'mapped',
  partitions: 'mapped',
  bind_mounts: 'mapped',
  ephemeral_mounts: 'mapped',
  'grub-entry-name': 'mapped',
  env: 'mapped',
  nousers: 'mapped',
  'no-format': fatal(
    'partitions that exist cannot be used: the disk is laid out anew. Take the key out, or keep the disk as it is',
  ),
  encrypted_partitions: fatal(
    'encrypted partitions come with Trusted Boot and are not there yet: the data would lie open. Take the key out to install without',
  ),
  system: note('the size of a slot comes with the image; what is installed is chosen by install.source'),
  'recovery-system': note('the recovery system is a copy of the system, made after the first healthy start'),
  passive: note('there is no fallback image: the machine keeps the version before in a slot of the same size'),
  skip_copy_kcrypt_plugin: note('nothing reads it, in Kairos neither'),
  'extra-dirs-rootfs': note('the image is never changed: list the folders in files: of the bowl'),
  grub_options: note(
    'kernel arguments and boot entries are part of the signed image: set kernel.arguments of the bowl',
  ),
  bundles: note('bundles are not applied yet'),
  ssh_hardening: note('is not applied yet'),
  selinux: note('is a property of the image: choose it in the bowl'),
  extensions: note('system extensions are not there yet'),
  firmware: (value) => oneOf(value, ['efi'], 'every disk starts by UEFI, and on amd64 by BIOS too'),
  'part-table': (value) => oneOf(value, ['gpt'], 'the partition table is always GPT'),
  'cloud-init': note('give the configuration with --config, user data or config_url instead'),
  iso: note('the medium that runs is installed; another image is named by install.source'),
  tty: note('consoles are part of the image: set kernel.arguments of the bowl'),
  'skip-entries': note('the boot menu always has the versions and the recovery'),
  'allow-insecure-registries': note(
    'certificates are always checked; a registry that speaks plain HTTP is named by its address: http://HOST/REPOSITORY:TAG',
  ),
};

/** What of the other partitions' settings is not followed. */
const PARTITION_NOTE =
  "the layout is Bowline's own; only partitions.persistent.size counts, beside an extra partition of size 0";

/**
 * Reads what the merged configuration of the live machine says about installing. `reports` names every key that does not
 * do what it says. The configurations are left empty: {@link collectConfigurations} finds them.
 */
export function readInstallWish(config: Values): { wish: InstallWish; reports: InstallReport[] } {
  const install = mapOf(config['install']);
  const reports: InstallReport[] = [];
  for (const [key, value] of Object.entries(install)) {
    const treatment = INSTALL_KEYS[key];
    const report = typeof treatment === 'function' ? treatment(value) : undefined;
    if (report !== undefined) reports.push({ key: `install.${key}`, ...report });
  }
  const partitions = mapOf(install['partitions']);
  const { size: stateMib, ...rest } = mapOf(partitions['persistent']);
  if (Object.keys(rest).length > 0 || Object.keys(partitions).some((name) => name !== 'persistent')) {
    reports.push({ key: 'install.partitions', message: PARTITION_NOTE, fatal: false });
  }
  const options = mapOf(config['options']);
  if (Object.keys(options).length > 0) {
    reports.push({ key: 'options', message: 'is of older versions: write install.*', fatal: false });
  }
  if (config['eject-cd'] === true) {
    reports.push({ key: 'eject-cd', message: 'the medium stays in: take it out after the installation', fatal: false });
  }
  const wish: InstallWish = {
    ...PLAIN_WISH,
    unattended: install['auto'] === true,
    device: textOf(install['device']) ?? 'auto',
    source: textOf(install['source']),
    force: install['force'] === true,
    after: readAfter(install),
    title: textOf(install['grub-entry-name']),
    extraPartitions: listOf(install['extra-partitions']).map(readExtra),
    stateMib: typeof stateMib === 'number' && stateMib > 0 ? stateMib : undefined,
    keptFolders: textsOf(install['bind_mounts']),
    droppedFolders: textsOf(install['ephemeral_mounts']),
    env: readEnvironment([...textsOf(config['env']), ...textsOf(install['env'])]),
  };
  return { wish, reports };
}

function readAfter(install: Values): AfterInstall {
  if (install['poweroff'] === true) return 'poweroff';
  return install['reboot'] === true ? 'reboot' : 'nothing';
}

function readExtra(value: unknown): ExtraPartition {
  const { name, size, fs, label } = mapOf(value);
  const fileSystem = textOf(fs) ?? 'ext2';
  return {
    name: textOf(name) ?? '',
    sizeMib: typeof size === 'number' ? size : 0,
    // The three ways of Kairos to say that there is to be none.
    fileSystem: ['-', 'none', 'noformat'].includes(fileSystem) ? 'none' : fileSystem,
    label: textOf(label) ?? '',
  };
}

function readEnvironment(items: readonly string[]): Record<string, string> {
  const pairs = items.flatMap((item): [string, string][] => {
    const at = item.indexOf('=');
    return at > 0 ? [[item.slice(0, at), item.slice(at + 1)]] : [];
  });
  return Object.fromEntries(pairs);
}

function oneOf(value: unknown, good: readonly string[], message: string): Omit<InstallReport, 'key'> | undefined {
  return isNothing(value) || good.includes(String(value)) ? undefined : { message, fatal: false };
}

function isNothing(value: unknown): boolean {
  if (value === undefined || value === null || value === false || value === '') return true;
  return typeof value === 'object' && Object.keys(value).length === 0;
}

function mapOf(value: unknown): Values {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Values) : {};
}

function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? (value as unknown[]) : [];
}

function textsOf(value: unknown): string[] {
  return listOf(value).filter((item): item is string => typeof item === 'string' && item !== '');
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value.trim() !== '' ? value.trim() : undefined;
}
