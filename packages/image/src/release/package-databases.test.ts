import { describe, expect, it } from 'vitest';
import type { RootReader } from '../configure/root-reader.ts';
import { readInstalledPackages } from './package-databases.ts';

function root(files: Record<string, string>): RootReader {
  return {
    read: async (path) => (path in files ? new TextEncoder().encode(files[path]) : undefined),
    list: (folder) => {
      const inside = Object.keys(files).filter((path) => path.startsWith(`${folder}/`));
      const names = [...new Set(inside.map((path) => path.slice(folder.length + 1).split('/')))];
      return names.map(([name = '', ...rest]) => ({
        name,
        type: rest.length > 0 ? 'directory' : 'file',
        linkname: '',
      }));
    },
  };
}

describe('the packages of a root', () => {
  it('are those dpkg calls installed', async () => {
    const status = [
      'Package: openssl\nStatus: install ok installed\nArchitecture: amd64\nVersion: 3.5.1-1\nDescription: x\n Version: no',
      'Package: gone\nStatus: deinstall ok config-files\nVersion: 1',
      'Package: libc6\nStatus: install ok installed\nArchitecture: amd64\nVersion: 2.41',
      'Package: libc6\nStatus: install ok installed\nArchitecture: i386\nVersion: 2.41',
    ].join('\n\n');
    expect(await readInstalledPackages(root({ 'var/lib/dpkg/status': `${status}\n` }))).toEqual({
      libc6: '2.41',
      openssl: '3.5.1-1',
    });
  });

  it('are found in images without dpkg, in status.d', async () => {
    const files = {
      'var/lib/dpkg/status.d/tzdata': 'Package: tzdata\nVersion: 2026a',
      'var/lib/dpkg/status.d/tzdata.md5sums': 'x',
    };
    expect(await readInstalledPackages(root(files))).toEqual({ tzdata: '2026a' });
  });

  it('are found in the databases of apk and pacman', async () => {
    const apk = 'C:Q1x=\nP:musl\nV:1.2.5-r0\nA:x86_64\n\nP:busybox\nV:1.37.0-r1\n\n';
    expect(await readInstalledPackages(root({ 'lib/apk/db/installed': apk }))).toEqual({
      busybox: '1.37.0-r1',
      musl: '1.2.5-r0',
    });
    const pacman = { 'var/lib/pacman/local/gcc-libs-14.2.1-1/desc': '', 'var/lib/pacman/local/ALPM_DB_VERSION': '9' };
    expect(await readInstalledPackages(root(pacman))).toEqual({ 'gcc-libs': '14.2.1-1' });
  });

  it('are none where no database is', async () => {
    expect(await readInstalledPackages(root({}))).toEqual({});
  });
});
