import { describe, expect, it } from 'vitest';
import { apk } from './apk.ts';
import { apt } from './apt.ts';
import { choosePackageManager, PACKAGE_MANAGERS, parseDistributions } from './choose.ts';
import { dnf } from './dnf.ts';
import { addedPackages, parseTabList, splitWish } from './package-manager.ts';
import { pacman } from './pacman.ts';
import { zypper } from './zypper.ts';

const base = (...files: string[]) => ({ isFile: (path: string) => files.includes(path) });

describe('choosePackageManager', () => {
  it('takes the one of the distribution, also when others are installed', () => {
    const all = base('usr/bin/apt-get', 'usr/bin/dnf', 'sbin/apk');
    expect(choosePackageManager('ID=rocky\nID_LIKE="rhel centos fedora"\n', all, 'x').kind).toBe('dnf');
    expect(choosePackageManager("ID='alpine'\n", all, 'x').kind).toBe('apk');
    expect(choosePackageManager('ID=mint\nID_LIKE=ubuntu\n', all, 'x').kind).toBe('apt');
  });

  it('falls back to whichever is there', () => {
    expect(choosePackageManager('ID=vendor\n', base('usr/bin/pacman'), 'x').kind).toBe('pacman');
    expect(choosePackageManager('', base('usr/bin/zypper'), 'x').kind).toBe('zypper');
  });

  it('names what it looked for when there is none', () => {
    expect(() => choosePackageManager('ID=vendor\n', base(), 'vendor.tar')).toThrow(
      /vendor\.tar \(vendor\) has no package manager; looked for .*\/usr\/bin\/apt-get.*\/usr\/bin\/pacman/,
    );
  });

  it('reads quoted os-release values', () => {
    expect(parseDistributions('NAME="x"\nID_LIKE="suse opensuse"\nID="opensuse-leap"\n')).toEqual([
      'opensuse-leap',
      'suse',
      'opensuse',
    ]);
  });
});

describe('installing', () => {
  it.each([
    [apt, ['apt-get', '--no-install-recommends'], 'tool=1.2-1'],
    [dnf, ['dnf', '--setopt=install_weak_deps=False'], 'tool-1.2-1'],
    [zypper, ['zypper', '--no-recommends'], 'tool=1.2-1'],
    [apk, ['apk', '--no-cache'], 'tool=1.2-1'],
  ] as const)('%# never asks, brings nothing unasked, and writes versions its own way', (manager, words, wish) => {
    const argv = manager.installArgv(['other', 'tool=1.2-1']);
    expect(argv).toEqual(expect.arrayContaining([...words, 'other', wish]));
  });

  it('pins apt through preferences, so that nothing counts as chosen by hand', () => {
    const pinned = { libtool: '3.0', tool: '1.2-1' };
    expect(apt.installArgv(['tool'], pinned)).not.toContain('libtool');
    expect(apt.guardFiles(pinned).find((file) => file.path.includes('preferences'))?.content).toBe(
      'Package: libtool\nPin: version 3.0\nPin-Priority: 1001\n\nPackage: tool\nPin: version 1.2-1\nPin-Priority: 1001\n',
    );
  });

  it('pins the others on the command line, dependencies too', () => {
    const pinned = { kernel: '6.1-1.x86_64 6.2-1.x86_64', tool: '1:2-3.noarch' };
    expect(dnf.installArgv(['tool'], pinned).slice(-3)).toEqual([
      'kernel-6.1-1.x86_64',
      'kernel-6.2-1.x86_64',
      'tool-1:2-3.noarch',
    ]);
    expect(zypper.installArgv(['tool'], { tool: '2-3.noarch' }).slice(-1)).toEqual(['tool=2-3']);
    expect(apk.installArgv(['tool'], { tool: '1.2-r3' }).slice(-1)).toEqual(['tool=1.2-r3']);
  });

  it('says that pacman cannot choose a version', () => {
    expect(pacman.installArgv(['tool']).slice(-1)).toEqual(['tool']);
    expect(() => pacman.installArgv(['tool=1'])).toThrow(/newest only/);
  });

  it('lets no package start a service under apt', () => {
    expect(apt.guardFiles()).toContainEqual({
      path: '/usr/sbin/policy-rc.d',
      content: '#!/bin/sh\nexit 101\n',
      mode: '0755',
    });
  });

  it('cleans up after every one of them', () => {
    for (const manager of PACKAGE_MANAGERS) expect(manager.cleanArgv().length).toBeGreaterThan(0);
  });
});

describe('the list of installed packages', () => {
  it('is read from dpkg', () => {
    expect(apt.parseList('libc6:amd64\t2.36-9\nbash\t5.2-1\n')).toEqual({ bash: '5.2-1', 'libc6:amd64': '2.36-9' });
  });

  it('is read from rpm: epochs kept once, several kernels kept, keys left out', () => {
    expect(
      dnf.parseList(
        'gpg-pubkey\t0:1-2.(none)\nshadow-utils\t2:2:4.9-8.el9.x86_64\nbash\t0:5.1-9.x86_64\nkernel\t0:6.2-1.x86_64\nkernel\t0:6.1-1.x86_64\n',
      ),
    ).toEqual({ bash: '5.1-9.x86_64', kernel: '6.1-1.x86_64 6.2-1.x86_64', 'shadow-utils': '2:4.9-8.el9.x86_64' });
  });

  it('is read from apk and pacman', () => {
    expect(apk.parseList('WARNING: opening cache\nca-certificates-bundle-20240226-r0\nmusl-1.2.5-r1\n')).toEqual({
      'ca-certificates-bundle': '20240226-r0',
      musl: '1.2.5-r1',
    });
    expect(pacman.parseList('bash 5.2.037-1\n')).toEqual({ bash: '5.2.037-1' });
  });

  it('tells what an installation brought', () => {
    expect(addedPackages({ a: '1', b: '1' }, { a: '1', b: '2', c: '1' })).toEqual({ b: '2', c: '1' });
    expect(parseTabList('a\t1\n\nbroken\n')).toEqual({ a: '1' });
    expect(splitWish('a=1:2~3')).toEqual({ name: 'a', version: '1:2~3' });
  });
});
