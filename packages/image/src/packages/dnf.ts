import type { PackageManager } from './package-manager.ts';
import { dnfWish, parseRpmList, RPM_LEFTOVERS, RPM_LIST_ARGV } from './rpm.ts';

/** Fedora, RHEL and what is made from them. */
export const dnf: PackageManager = {
  kind: 'dnf',
  distributions: ['fedora', 'rhel', 'centos', 'rocky', 'almalinux', 'ol', 'amzn'],
  programs: ['usr/bin/dnf', 'usr/bin/dnf5', 'usr/bin/dnf-3'],
  environment: {},
  refreshArgv: () => [['dnf', '--assumeyes', '--quiet', 'makecache']],
  installArgv: (packages, pinned) => [
    'dnf',
    '--assumeyes',
    '--quiet',
    '--setopt=install_weak_deps=False',
    '--setopt=tsflags=nodocs',
    'install',
    ...(pinned === undefined
      ? packages.map(dnfWish)
      : Object.entries(pinned).flatMap(([name, versions]) =>
          versions.split(' ').map((version) => `${name}-${version}`),
        )),
  ],
  guardFiles: () => [],
  cleanArgv: () => [
    ['dnf', '--quiet', 'clean', 'all'],
    ['rm', '-rf', ...RPM_LEFTOVERS],
  ],
  listArgv: () => RPM_LIST_ARGV,
  parseList: parseRpmList,
};
