import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FormatsError } from '../error.ts';
import { decodeLatin1 } from '../tar/byte-path.ts';
import type { CpioEntry } from './entry.ts';
import { readCpio } from './read.ts';
import { encodeCpio, writeCpio } from './write.ts';

const options = { mtimeSeconds: 1767225600 };
const text = (value: string) => new TextEncoder().encode(value);
const namePart = fc
  .string({ unit: fc.integer({ min: 1, max: 255 }).map((c) => String.fromCharCode(c)), minLength: 1, maxLength: 12 })
  .filter((part) => !part.includes('/') && part !== '.' && part !== '..');

describe('cpio writer', () => {
  it('writes a known archive byte for byte', () => {
    const archive = writeCpio([{ type: 'file', path: 'a', mode: 0o644, data: text('hi\n') }], options);
    expect(archive.length).toBe(512);
    const headers = decodeLatin1(archive).replaceAll('\0', '.');
    expect(headers.slice(0, 116)).toBe(
      '07070100000001000081A4000000000000000000000001' +
        '6955B90000000003' +
        '00000000000000000000000000000000' +
        '0000000200000000' +
        'a.hi\n.',
    );
    expect(headers.slice(116, 122)).toBe('070701');
    expect(headers.slice(226, 237)).toBe('TRAILER!!!.');
  });

  it('reads back what was written', () => {
    const tree = fc.uniqueArray(
      fc.record({
        path: namePart,
        mode: fc.integer({ min: 0, max: 0o7777 }),
        uid: fc.nat(),
        gid: fc.nat(),
        data: fc.uint8Array({ maxLength: 50 }),
      }),
      { selector: (file) => file.path, maxLength: 20 },
    );
    fc.assert(
      fc.property(tree, (files) => {
        const entries = files.map((file): CpioEntry => ({ type: 'file', ...file }));
        const archive = writeCpio(entries, options);
        const { members, endOffset } = readCpio(archive);
        expect(archive.length % 512).toBe(0);
        expect(endOffset).toBe(archive.length);
        const sorted = files.toSorted((a, b) => (a.path < b.path ? -1 : 1));
        expect(members.map(({ path, mode, uid, gid, data }) => ({ path, mode, uid, gid, data: [...data] }))).toEqual(
          sorted.map((file) => ({ ...file, data: [...file.data] })),
        );
        expect(members.map((member) => member.inode)).toEqual(members.map((_, index) => index + 1));
      }),
    );
  });

  it('gives the same bytes whatever the order of the entries', () => {
    const entries: CpioEntry[] = [
      { type: 'directory', path: 'usr', mode: 0o755 },
      { type: 'symlink', path: 'bin', target: 'usr/bin' },
      { type: 'character', path: 'dev/console', mode: 0o600, major: 5, minor: 1 },
      { type: 'file', path: 'usr/bin/init', mode: 0o755, data: () => text('#!') },
    ];
    expect(writeCpio(entries.toReversed(), options)).toEqual(writeCpio(entries, options));
    const found = readCpio(writeCpio(entries, options)).members;
    expect(found.map((member) => `${member.type} ${member.path}`)).toEqual([
      'symlink bin',
      'directory dev',
      'character dev/console',
      'directory usr',
      'directory usr/bin',
      'file usr/bin/init',
    ]);
    expect(decodeLatin1(found[0]?.data ?? text(''))).toBe('usr/bin');
    expect(found[2]).toMatchObject({ major: 5, minor: 1, mode: 0o600 });
  });

  it.each([
    '/etc',
    'a/../b',
    './a',
    'a//b',
    'a/',
    '',
    'TRAILER!!!',
    'a\0b',
    'x'.repeat(256),
    'x/'.repeat(2048) + 'x',
    'ł',
  ])('refuses the path %j', (path) => {
    expect(() => writeCpio([{ type: 'directory', path, mode: 0o755 }], options)).toThrow(FormatsError);
  });

  it('refuses duplicates and entries below a symlink, which the kernel would lose', () => {
    const link: CpioEntry = { type: 'symlink', path: 'lib', target: 'usr/lib' };
    expect(() => writeCpio([link, link], options)).toThrow('listed twice');
    const below: CpioEntry = { type: 'file', path: 'lib/a/b', mode: 0o644, data: text('') };
    expect(() => writeCpio([below, link], options)).toThrow('lib is a symlink, not a directory');
  });

  it('asks for the bytes of a file only when it is its turn', () => {
    let opened = 0;
    const file = (path: string): CpioEntry => ({
      type: 'file',
      path,
      mode: 0o644,
      data: () => text(String((opened += 1))),
    });
    const pieces = encodeCpio([file('a'), file('b')], options);
    pieces.next();
    pieces.next();
    expect(opened).toBe(1);
  });
});

describe('cpio reader', () => {
  it('finds the second archive behind the first', () => {
    const first = writeCpio([{ type: 'directory', path: 'a', mode: 0o755 }], options);
    const second = writeCpio([{ type: 'directory', path: 'b', mode: 0o755 }], options);
    const both = new Uint8Array([...first, ...second]);
    const { endOffset } = readCpio(both);
    expect(readCpio(both, { offset: endOffset }).members.map((member) => member.path)).toEqual(['b']);
  });

  it('throws nothing but its own errors on damaged archives', () => {
    const archive = writeCpio(
      [
        { type: 'file', path: 'etc/motd', mode: 0o644, data: text('hello') },
        { type: 'symlink', path: 'bin', target: 'usr/bin' },
      ],
      options,
    );
    fc.assert(
      fc.property(fc.nat(archive.length - 1), fc.nat(255), fc.nat(archive.length), (at, value, length) => {
        const damaged = archive.slice();
        damaged[at] = value;
        for (const bytes of [damaged, archive.subarray(0, length)]) {
          try {
            readCpio(bytes);
          } catch (error) {
            expect(error).toBeInstanceOf(FormatsError);
          }
        }
      }),
    );
  });

  it('stops at the limit of members', () => {
    const entries = ['a', 'b', 'c'].map((path): CpioEntry => ({ type: 'directory', path, mode: 0o755 }));
    expect(() => readCpio(writeCpio(entries, options), { maxMembers: 2 })).toThrow('more than 2 members');
  });
});
