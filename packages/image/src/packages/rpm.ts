import { fromMap, type PackageVersions, splitWish } from './package-manager.ts';

/** Prints `name<TAB>epoch:version-release.arch` of every installed package. */
export const RPM_LIST_ARGV = [
  'rpm',
  '--query',
  '--all',
  '--queryformat',
  '%{NAME}\\t%{EPOCHNUM}:%{EVR}.%{ARCH}\\n',
] as const;

/** Reads RPM_LIST_ARGV's output; `0:` (no epoch) is dropped, pseudo packages of keys are left out. */
export function parseRpmList(output: string): PackageVersions {
  const versions = new Map<string, string[]>();
  for (const line of output.split('\n')) {
    const [name, version] = line.split('\t');
    if (!name || !version || name === 'gpg-pubkey') continue;
    // EVR already begins with an epoch where there is one.
    const plain = version.replace(/^\d+:/, '');
    versions.set(name, [...(versions.get(name) ?? []), plain]);
  }
  return fromMap(versions);
}

/** `name=version` of a bowl as dnf writes it: `name-version`. */
export function dnfWish(wish: string): string {
  const { name, version } = splitWish(wish);
  return version === undefined ? name : `${name}-${version}`;
}

/** Logs and state of rpm's front ends that differ from run to run. */
export const RPM_LEFTOVERS: readonly string[] = [
  '/var/log/dnf.log',
  '/var/log/dnf.librepo.log',
  '/var/log/dnf.rpm.log',
  '/var/log/dnf5.log',
  '/var/log/hawkey.log',
  '/var/log/yum.log',
  '/var/log/zypper.log',
  '/var/log/zypp',
  '/var/cache/dnf',
  '/var/cache/libdnf5',
  '/var/cache/yum',
  '/var/cache/zypp',
  '/var/cache/ldconfig/aux-cache',
  '/var/lib/rpm/.rpm.lock',
  '/usr/lib/sysimage/rpm/.rpm.lock',
];
