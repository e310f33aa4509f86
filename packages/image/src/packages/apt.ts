import { type PackageManager, parseTabList } from './package-manager.ts';

/** Debian, Ubuntu and what is made from them. */
export const apt: PackageManager = {
  kind: 'apt',
  distributions: ['debian', 'ubuntu', 'devuan', 'raspbian', 'linuxmint', 'kali'],
  programs: ['usr/bin/apt-get', 'bin/apt-get'],
  environment: { DEBIAN_FRONTEND: 'noninteractive', DEBCONF_NONINTERACTIVE_SEEN: 'true' },
  // The download user of apt cannot enter folders of the build; packages are verified by signature all the same.
  refreshArgv: () => [['apt-get', '-q', '-o', 'APT::Sandbox::User=root', '-o', 'Acquire::Retries=3', 'update']],
  installArgv: (packages, pinned) => [
    'apt-get',
    '-q',
    '-y',
    '-o',
    'APT::Sandbox::User=root',
    '-o',
    'Acquire::Retries=3',
    '-o',
    'Dpkg::Options::=--force-confold',
    '-o',
    'Dpkg::Use-Pty=0',
    '--no-install-recommends',
    ...(pinned === undefined ? [] : ['--allow-downgrades']),
    'install',
    '--',
    ...packages,
  ],
  guardFiles: (pinned) => [
    // invoke-rc.d asks this program; 101 forbids to start anything.
    { path: '/usr/sbin/policy-rc.d', content: '#!/bin/sh\nexit 101\n', mode: '0755' },
    // On the command line the pins would be marked as installed by hand. Without pins an empty file is laid down all the same:
    // it touches its folders, which are then part of the layer both times.
    {
      path: '/etc/apt/preferences.d/bowline-pins',
      content: Object.entries(pinned ?? {})
        .map(([name, version]) => `Package: ${name}\nPin: version ${version}\nPin-Priority: 1001\n`)
        .join('\n'),
      mode: '0644',
    },
  ],
  cleanArgv: () => [
    ['apt-get', 'clean'],
    [
      'rm',
      '-rf',
      '/var/lib/apt/lists',
      '/var/cache/apt/pkgcache.bin',
      '/var/cache/apt/srcpkgcache.bin',
      '/var/cache/apt/archives/lock',
      '/var/log/apt',
      '/var/log/dpkg.log',
      '/var/log/alternatives.log',
      '/var/log/bootstrap.log',
      '/var/cache/ldconfig/aux-cache',
      '/var/cache/debconf/config.dat-old',
      '/var/cache/debconf/templates.dat-old',
      '/var/lib/dpkg/status-old',
      '/var/lib/dpkg/diversions-old',
      '/var/lib/dpkg/statoverride-old',
      '/var/lib/dpkg/lock',
      '/var/lib/dpkg/lock-frontend',
      '/var/lib/dpkg/triggers/Lock',
    ],
    ['mkdir', '-p', '/var/lib/apt/lists', '/var/log/apt'],
  ],
  listArgv: () => ['dpkg-query', '--show', '--showformat', '${binary:Package}\\t${Version}\\n'],
  parseList: parseTabList,
};
