import { fromMap, type PackageManager } from './package-manager.ts';

/** Alpine and what is made from it. */
export const apk: PackageManager = {
  kind: 'apk',
  distributions: ['alpine', 'wolfi', 'chainguard', 'postmarketos'],
  programs: ['sbin/apk', 'usr/sbin/apk', 'usr/bin/apk'],
  environment: {},
  refreshArgv: () => [],
  installArgv: (packages, pinned) => [
    'apk',
    'add',
    '--no-cache',
    '--no-progress',
    ...(pinned === undefined ? packages : Object.entries(pinned).map(([name, version]) => `${name}=${version}`)),
  ],
  guardFiles: () => [],
  cleanArgv: () => [['rm', '-rf', '/var/log/apk.log', '/lib/apk/db/lock', '/usr/lib/apk/db/lock']],
  listArgv: () => ['apk', 'info', '--verbose'],
  parseList(output) {
    const versions = new Map<string, string[]>();
    for (const line of output.split('\n')) {
      // name-version-rN; names hold hyphens too, versions do not.
      const found = /^(\S+)-(\d[^-\s]*-r\d+)/.exec(line);
      if (found?.[1] && found[2]) versions.set(found[1], [found[2]]);
    }
    return fromMap(versions);
  },
};
