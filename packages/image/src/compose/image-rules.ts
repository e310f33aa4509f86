import { MOUNT_POINTS, PACKAGE_DATABASES, SOURCE_EPOCH } from '@bowline/os-layout';

/**
 * What makes a root file system an image: nothing of the machine that made it, nothing that the running system makes anew,
 * and the package database where the image can keep it. Paths are relative to the root; `*` is any part of one name.
 */
export interface ImageRules {
  /** Folders whose content goes away; the folder stays (or appears) with this mode. */
  emptied: readonly { path: string; mode: number }[];
  /** Names that go away, folders with all that is in them. */
  removed: readonly string[];
  /** Files that keep name, owner and mode and lose their content; `**` at the end means everything below. */
  truncated: readonly string[];
  /** Removed only when they are empty regular files: what container engines leave where they mount their own. */
  removedWhenEmpty: readonly string[];
  /** Files that every image has, with this content. */
  written: readonly { path: string; mode: number; text: string }[];
  /** Folders that every image has; an existing one keeps its mode. */
  mountPoints: readonly { path: string; mode: number }[];
  /** Folders (or files) that move, with a relative link left behind. */
  moved: readonly { path: string; target: string }[];
  /** Extended attributes that squashfs holds and that mean the same on the machine; others are left out. */
  keepXattr: (name: string) => boolean;
  /** Later modification times become this one, in seconds since the epoch. */
  latestMtime: number;
}

export const IMAGE_RULES: ImageRules = {
  emptied: [
    { path: 'dev', mode: 0o755 },
    { path: 'proc', mode: 0o555 },
    { path: 'sys', mode: 0o555 },
    { path: 'run', mode: 0o755 },
    { path: 'tmp', mode: 0o1777 },
    { path: 'boot', mode: 0o755 },
    { path: 'var/tmp', mode: 0o1777 },
  ],
  removed: [
    // The kernel is in the UKI.
    'vmlinuz',
    'vmlinuz.old',
    'initrd.img',
    'initrd.img.old',
    // Traces of engines and installers.
    '.dockerenv',
    '.dockerinit',
    'etc/.pwd.lock',
    'etc/hostname',
    // Secrets and identities: each machine makes its own.
    'etc/ssh/ssh_host_*',
    'var/lib/systemd/random-seed',
    'var/lib/systemd/credential.secret',
    'var/lib/dbus/machine-id',
    // Caches that a package manager fetches again; they differ from day to day.
    'var/lib/apt/lists/*',
    'var/cache/apt/*.bin',
    'var/cache/apt/archives/*.deb',
    'var/cache/apt/archives/partial/*',
    'var/cache/apt/archives/lock',
    'var/cache/dnf/*',
    'var/cache/libdnf5/*',
    'var/cache/yum/*',
    'var/cache/zypp/*',
    'var/cache/apk/*',
    'var/cache/pacman/pkg/*',
    'var/cache/ldconfig/aux-cache',
    'var/log/journal/*',
  ],
  truncated: ['var/log/**'],
  // A resolv.conf with content (or a link to one that is made at run time) is the vendor's choice and stays.
  removedWhenEmpty: ['etc/resolv.conf'],
  written: [
    // Empty, not missing: systemd fills it on the first boot of each machine.
    { path: 'etc/machine-id', mode: 0o444, text: '' },
    // The initrd mounts everything; a vendor's entries name disks that this machine does not have.
    { path: 'etc/fstab', mode: 0o644, text: '# Bowline mounts everything this image needs.\n' },
  ],
  mountPoints: [...MOUNT_POINTS, { path: 'mnt', mode: 0o755 }, { path: 'media', mode: 0o755 }],
  moved: PACKAGE_DATABASES,
  // squashfs knows these three namespaces; overlayfs marks in a root would act on the overlays above it.
  keepXattr: (name) => /^(?:user|trusted|security)\./.test(name) && !/^(?:user|trusted)\.overlay\./.test(name),
  latestMtime: SOURCE_EPOCH,
};
