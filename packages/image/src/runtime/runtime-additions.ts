import { PERSIST_FILE, RELEASE_FILE } from '@bowline/os-layout';
import type { Arch } from '@bowline/spec';
import type { Addition } from '../compose/additions.ts';
import { symlink, textFile } from './addition.ts';
import { DATASOURCE_CONFIG, DATASOURCE_CONFIG_FILE } from './image-config.ts';
import { runtimeFiles, SUDOERS_FILE } from './runtime-files.ts';

/** What the runtime layer says of the image. Its ID is not part of it: it depends on the root. */
export interface RuntimeFacts {
  name: string;
  version: string;
  arch: Arch;
}

/**
 * Timers of package managers: on an image that only changes as a whole, they fail or do nothing. And what of systemd would
 * see to the ESP: it calls a version good when its units have started, and replaces the boot loader; both is for the agent.
 */
const MASKED_UNITS: readonly string[] = [
  'apt-daily-upgrade.timer',
  'apt-daily.timer',
  'dnf-automatic.timer',
  'dnf-makecache.timer',
  'dpkg-db-backup.timer',
  'systemd-bless-boot.service',
  'systemd-boot-update.service',
  'unattended-upgrades.service',
];

const PERSIST_TEXT = `# Folders below /etc that this machine keeps; all else of /etc starts from the image at every boot.
# One absolute path a line. Files named *.list in persist.d add to this one.
# The machine ID and the SSH host keys are kept anyway.
`;

/**
 * The root's entry: read-only and nothing to check, for inits that remount the root by this file. Its device is no path,
 * so that systemd does not wait for one.
 */
const FSTAB_TEXT = `# The initrd mounted everything this image needs.
rootfs / squashfs ro 0 0
`;

/** Bases made for containers bring no kmod, and the kernel composed with them lists static nodes: not a failed start. */
const KMOD_TEXT = `[Unit]
ConditionPathExists=/bin/kmod
`;

/** Administrators are the members of the group admin, as in Kairos: they come in by key and have no password to give. */
const SUDOERS_TEXT = `# Members of the group admin become root without a password.
%admin ALL=(ALL:ALL) NOPASSWD: ALL
`;

/**
 * The runtime layer: what makes any base start cleanly on a read-only root that is renewed as a whole. It goes on top
 * of the base and below the bowl's own configuration; some of it is for some bases only (`fitBase`). Equal facts give equal
 * additions. The agent itself is a layer of its own.
 */
export async function runtimeAdditions(facts: RuntimeFacts): Promise<Addition[]> {
  const release = `NAME=${quote(facts.name)}\nVERSION=${quote(facts.version)}\nARCH=${quote(facts.arch)}\n`;
  return [
    textFile(RELEASE_FILE, release),
    textFile(PERSIST_FILE, PERSIST_TEXT),
    textFile('etc/fstab', FSTAB_TEXT),
    // Not older than /usr: systemd then rebuilds no cache (ld.so, hwdb, catalog) at each boot (ConditionNeedsUpdate=).
    textFile('etc/.updated', ''),
    textFile('var/.updated', ''),
    textFile('usr/lib/systemd/system/kmod-static-nodes.service.d/bowline.conf', KMOD_TEXT),
    // systemd makes this link by itself; the tools of other bases only look for it.
    symlink('etc/mtab', '../proc/self/mounts'),
    ...MASKED_UNITS.map((unit) => symlink(`etc/systemd/system/${unit}`, '/dev/null')),
    textFile(DATASOURCE_CONFIG_FILE, DATASOURCE_CONFIG),
    // sudoers(5): others may not write it; nobody needs to read it.
    { ...textFile(SUDOERS_FILE, SUDOERS_TEXT), mode: 0o440 },
    ...(await runtimeFiles()),
  ];
}

/** os-release(5) quoting: names and versions of a bowl hold no quotes, but nothing relies on it. */
function quote(word: string): string {
  return `"${word.replaceAll(/[\\"$`]/g, '\\$&')}"`;
}
