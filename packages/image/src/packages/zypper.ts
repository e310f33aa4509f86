import type { PackageManager } from './package-manager.ts';
import { parseRpmList, RPM_LEFTOVERS, RPM_LIST_ARGV } from './rpm.ts';

/** openSUSE and SUSE Linux Enterprise. */
export const zypper: PackageManager = {
  kind: 'zypper',
  distributions: ['suse', 'opensuse', 'opensuse-leap', 'opensuse-tumbleweed', 'sles', 'sled', 'sle-micro'],
  programs: ['usr/bin/zypper'],
  environment: { ZYPP_LOCK_TIMEOUT: '60' },
  refreshArgv: () => [['zypper', '--non-interactive', '--quiet', 'refresh']],
  installArgv: (packages, pinned) => [
    'zypper',
    '--non-interactive',
    '--quiet',
    'install',
    '--no-recommends',
    '--auto-agree-with-licenses',
    ...(pinned === undefined
      ? packages
      : [
          '--oldpackage',
          // zypper names the architecture after the name, not after the version.
          ...Object.entries(pinned).flatMap(([name, versions]) =>
            versions.split(' ').map((version) => `${name}=${version.replace(/\.[^.]+$/, '')}`),
          ),
        ]),
  ],
  guardFiles: () => [],
  cleanArgv: () => [
    ['zypper', '--non-interactive', '--quiet', 'clean', '--all'],
    ['rm', '-rf', ...RPM_LEFTOVERS],
  ],
  listArgv: () => RPM_LIST_ARGV,
  parseList: parseRpmList,
};
