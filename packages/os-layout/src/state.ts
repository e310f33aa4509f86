/** Where the state partition is mounted on a running machine. */
export const STATE_FOLDER = '/run/bowline/state';

/** Where the initrd leaves the cloud-config that came with the image; readable by root only. */
export const CLOUD_CONFIG_FOLDER = '/run/bowline/cloud-config';

/** What the running machine knows of its image: shell assignments `IMAGE_ID`, `NAME`, `VERSION`. */
export const RUNNING_IMAGE_FILE = '/run/bowline/image.conf';

/** Folder of the image that holds Bowline's own files; relative to the root. */
export const BOWLINE_FOLDER = 'usr/lib/bowline';

/** Name and version of the image, os-release(5) style; relative to the root. */
export const RELEASE_FILE = `${BOWLINE_FOLDER}/release`;

/** Folders of `/etc` that live on state, one absolute path a line; files in `persist.d/*.list` add to it. */
export const PERSIST_FILE = `${BOWLINE_FOLDER}/persist`;

/** Top folders that live on state, seeded from the image; relative to the root. */
export const STATE_BINDS = ['var', 'home', 'root', 'oem'] as const;

/** Folders with the image below and state above; relative to the root. */
export const STATE_OVERLAYS = ['opt', 'srv', 'usr/local'] as const;

/** Folders every root must have, because something is mounted there; with their modes. */
export const MOUNT_POINTS: readonly { path: string; mode: number }[] = [
  ...['boot', 'dev', 'efi', 'etc', 'home', 'oem', 'opt', 'proc', 'run', 'srv', 'sys', 'usr', 'usr/local', 'var'].map(
    (path) => ({ path, mode: 0o755 }),
  ),
  { path: 'root', mode: 0o700 },
  { path: 'tmp', mode: 0o1777 },
];

/**
 * Package databases below `/var`: they describe the image, so they move to `usr/lib/sysimage/` at compose time, and a
 * link stays behind that the initrd puts back on every machine. Relative to the root.
 */
export const PACKAGE_DATABASES: readonly { path: string; target: string }[] = [
  { path: 'var/lib/dpkg', target: 'usr/lib/sysimage/dpkg' },
  { path: 'var/lib/apt', target: 'usr/lib/sysimage/apt' },
  { path: 'var/cache/apt', target: 'usr/lib/sysimage/apt-cache' },
  { path: 'var/lib/rpm', target: 'usr/lib/sysimage/rpm' },
  { path: 'var/lib/dnf', target: 'usr/lib/sysimage/dnf' },
  { path: 'var/cache/dnf', target: 'usr/lib/sysimage/dnf-cache' },
  { path: 'var/cache/libdnf5', target: 'usr/lib/sysimage/libdnf5-cache' },
  { path: 'var/lib/zypp', target: 'usr/lib/sysimage/zypp' },
  { path: 'var/cache/zypp', target: 'usr/lib/sysimage/zypp-cache' },
  { path: 'var/lib/pacman', target: 'usr/lib/sysimage/pacman' },
  { path: 'var/cache/apk', target: 'usr/lib/sysimage/apk-cache' },
];
