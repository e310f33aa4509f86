import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from 'vitest';
import type { RootReader } from '../configure/root-reader.ts';
import { readInstalledPackages } from './package-databases.ts';

/** A header as rpm keeps it: each text a string, the epoch a number. */
function header(name: string, version: string, release: string, epoch?: number): Uint8Array {
  const fields: [tag: number, type: number, bytes: Buffer][] = [
    [1000, 6, Buffer.from(`${name}\0`)],
    [1001, 6, Buffer.from(`${version}\0`)],
    [1002, 6, Buffer.from(`${release}\0`)],
    [1022, 6, Buffer.from('x86_64\0')],
  ];
  if (epoch !== undefined) fields.push([1003, 4, Buffer.of(0, 0, 0, epoch)]);
  const store = Buffer.concat(fields.map(([, , bytes]) => bytes));
  const head = Buffer.alloc(8 + fields.length * 16);
  head.writeUInt32BE(fields.length, 0);
  head.writeUInt32BE(store.length, 4);
  let offset = 0;
  for (const [number, [tag, type, bytes]] of fields.entries()) {
    for (const [place, value] of [tag, type, offset, 1].entries())
      head.writeUInt32BE(value, 8 + number * 16 + place * 4);
    offset += bytes.length;
  }
  return Buffer.concat([head, store]);
}

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

  it('are found in the database of rpm, without the keys it trusts', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'bowline-rpm-test-'));
    try {
      const path = join(folder, 'rpmdb.sqlite');
      const database = new DatabaseSync(path);
      database.exec('CREATE TABLE Packages (hnum INTEGER PRIMARY KEY, blob BLOB NOT NULL)');
      const insert = database.prepare('INSERT INTO Packages (blob) VALUES (?)');
      insert.run(header('openssl-libs', '3.5.4', '1.fc43', 1));
      insert.run(header('bash', '5.3.0', '2.fc43'));
      insert.run(header('gpg-pubkey', '31645531', '66b6dccf'));
      insert.run(Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0));
      database.close();
      const content = await readFile(path);
      const rpm: RootReader = {
        read: async (name) => (name.endsWith('rpm/rpmdb.sqlite') ? content : undefined),
        list: () => [],
      };
      expect(await readInstalledPackages(rpm)).toEqual({
        bash: '5.3.0-2.fc43.x86_64',
        'openssl-libs': '1:3.5.4-1.fc43.x86_64',
      });
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });

  it('are none where what should be a database is something else', async () => {
    expect(await readInstalledPackages(root({ 'var/lib/rpm/rpmdb.sqlite': 'no database' }))).toEqual({});
  });

  it('are none where no database is', async () => {
    expect(await readInstalledPackages(root({}))).toEqual({});
  });
});
