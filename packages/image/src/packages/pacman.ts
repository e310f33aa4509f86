import { SOURCE_EPOCH } from '@bowline/os-layout';
import { ImageError } from '../error.ts';
import { fromMap, type PackageManager, splitWish } from './package-manager.ts';

/** Rewrites the moment of installation, which pacman keeps with every package. POSIX sed; the shell lists the files. */
const FIX_INSTALL_DATES = `for f in /var/lib/pacman/local/*/desc; do [ -e "$f" ] && sed -i '/^%INSTALLDATE%$/{n;s/.*/${SOURCE_EPOCH}/;}' "$f"; done; exit 0`;

/** Arch and what is made from it. A rolling repository holds one version of each package: versions cannot be asked for. */
export const pacman: PackageManager = {
  kind: 'pacman',
  distributions: ['arch', 'archarm', 'manjaro', 'endeavouros'],
  programs: ['usr/bin/pacman'],
  environment: {},
  refreshArgv: () => [['pacman', '--sync', '--refresh', '--noconfirm', '--noprogressbar']],
  installArgv(packages) {
    const versioned = packages.find((wish) => splitWish(wish).version !== undefined);
    if (versioned !== undefined)
      throw new ImageError({
        code: 'PACKAGES_FAILED',
        message: `pacman cannot install a given version (${versioned}): its repositories hold the newest only.`,
        hint: `Write ${splitWish(versioned).name}; the lock keeps the layer that was made.`,
      });
    return ['pacman', '--sync', '--needed', '--noconfirm', '--noprogressbar', '--', ...packages];
  },
  guardFiles: () => [],
  cleanArgv: () => [
    [
      'rm',
      '-rf',
      '/var/lib/pacman/sync',
      '/var/cache/pacman/pkg',
      '/var/log/pacman.log',
      '/var/cache/ldconfig/aux-cache',
    ],
    ['mkdir', '-p', '/var/cache/pacman/pkg'],
    ['sh', '-c', FIX_INSTALL_DATES],
  ],
  listArgv: () => ['pacman', '--query'],
  parseList(output) {
    const versions = new Map<string, string[]>();
    for (const line of output.split('\n')) {
      const [name, version] = line.split(' ');
      if (name && version) versions.set(name, [version]);
    }
    return fromMap(versions);
  },
};
