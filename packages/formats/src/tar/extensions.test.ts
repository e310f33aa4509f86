import { describe, expect, it } from 'vitest';
import { encodeLatin1, writeLatin1 } from './byte-path.ts';
import type { IndexedEntry } from './entry.ts';
import { sumHeader } from './header.ts';
import { TarParser } from './parser.ts';
import { encodePax, type PaxRecords, parsePax } from './pax.ts';

/** A header block by hand, so that these tests do not rest on our own writer. */
function block(name: string, type: string, size: number, extra: (bytes: Uint8Array) => void = () => undefined) {
  const bytes = new Uint8Array(512);
  writeLatin1(bytes, 0, name);
  writeLatin1(bytes, 100, ['0000644', '0000000', '0000000', ''].join('\0'));
  writeLatin1(bytes, 124, `${size.toString(8).padStart(11, '0')}\x0000000000000\0`);
  writeLatin1(bytes, 156, type);
  writeLatin1(bytes, 257, 'ustar\x0000');
  extra(bytes);
  writeLatin1(bytes, 148, `${sumHeader(bytes, 0).toString(8).padStart(6, '0')}\0 `);
  return bytes;
}

const gnu = (bytes: Uint8Array) => writeLatin1(bytes, 257, 'ustar  \0');

function padded(data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(Math.ceil(data.length / 512) * 512);
  bytes.set(data);
  return bytes;
}

function extension(type: string, data: Uint8Array): Uint8Array[] {
  return [block('././@x', type, data.length), padded(data)];
}

const pax = (records: PaxRecords, type = 'x') => extension(type, encodePax(records));

function parse(...parts: Uint8Array[]): IndexedEntry[] {
  const parser = new TarParser();
  const entries = [...parts, new Uint8Array(1024)].flatMap((part) => parser.push(part));
  parser.finish();
  return entries;
}

describe('PAX headers', () => {
  it('count their own length, across the step to one digit more', () => {
    for (const length of [90, 91, 92, 93, 94, 95, 991, 992, 993, 994]) {
      const records: PaxRecords = [['k', 'v'.repeat(length)]];
      const bytes = encodePax(records);
      expect(Number.parseInt(String.fromCharCode(...bytes), 10)).toBe(bytes.length);
      expect(parsePax(bytes, 0)).toEqual(records);
    }
  });

  it('override path, link, owner, size and time of the member that follows, and of no other', () => {
    const records: PaxRecords = [
      ['path', './caf\xc3\xa9'],
      ['uid', '3000000'],
      ['gid', '4'],
      ['size', '5'],
      ['mtime', '1700000000.999'],
    ];
    const [first, second] = parse(
      ...pax(records),
      block('short', '0', 0),
      padded(encodeLatin1('12345')),
      block('b', '0', 0),
    );
    expect(first).toMatchObject({ path: 'caf\xc3\xa9', uid: 3000000, gid: 4, size: 5, mtime: 1700000000 });
    expect(second).toMatchObject({ path: 'b', uid: 0, size: 0, mtime: 0 });
  });

  it('global ones last until they are taken back', () => {
    const [a, b, c] = parse(
      ...pax([['uid', '7']], 'g'),
      block('a', '0', 0),
      ...pax([['uid', '8']]),
      block('b', '0', 0),
      ...pax([['uid', '']]),
      block('c', '0', 0),
    );
    expect([a?.uid, b?.uid, c?.uid]).toEqual([7, 8, 0]);
  });

  it('carry attributes raw, in base64 with percent signs, and SELinux labels', () => {
    const [entry] = parse(
      ...pax([
        ['SCHILY.xattr.security.capability', '\x01\0\xff\n=\x80'],
        ['LIBARCHIVE.xattr.user.a%20b', btoa('\xfe\0')],
        ['LIBARCHIVE.xattr.security.capability', btoa('other')],
        ['RHT.security.selinux', 'system_u:object_r:bin_t:s0'],
      ]),
      block('x', '0', 0),
    );
    expect({ ...entry?.xattrs }).toEqual({
      'security.capability': '\x01\0\xff\n=\x80',
      'user.a b': '\xfe\0',
      'security.selinux': 'system_u:object_r:bin_t:s0\0',
    });
  });

  it.each<[string, PaxRecords]>([
    ['attributes without a namespace', [['SCHILY.xattr.__proto__', 'x']]],
    ['attributes of impossible size', [['SCHILY.xattr.user.x', 'x'.repeat(65537)]]],
    ['base64 that is none', [['LIBARCHIVE.xattr.user.x', '!!!']]],
    ['sizes that are no numbers', [['size', '0x10']]],
    ['negative sizes', [['size', '-1']]],
    ['owners beyond 2^32', [['uid', '4294967295']]],
    ['names with a NUL', [['path', 'a\0b']]],
    ['sparse files without a size', [['GNU.sparse.map', '0,1']]],
    [
      'sparse maps with an odd count',
      [
        ['GNU.sparse.map', '0,1,2'],
        ['GNU.sparse.size', '9'],
      ],
    ],
    [
      'unknown sparse formats',
      [
        ['GNU.sparse.major', '2'],
        ['GNU.sparse.minor', '0'],
        ['GNU.sparse.realsize', '1'],
      ],
    ],
  ])('refuse %s', (_, records) => {
    expect(() => parse(...pax(records), block('x', '0', 0))).toThrow(/^tar: /);
  });

  it.each(['5 a=b\n', '99 a=b\n', '6 ab\n', 'x', '7 a=b\nzz', '6 =bc\n'])('refuse the damaged record %j', (text) => {
    expect(() => parsePax(encodeLatin1(text), 0)).toThrow(/^tar: in the extended header/);
  });

  it('beyond 1 MiB are refused before they are read', () => {
    expect(() => parse(block('x', 'x', 2 ** 20 + 1))).toThrow(/extended header of 1048577 bytes/);
  });
});

describe('GNU headers', () => {
  it('long names and long links', () => {
    const name = `${'d/'.repeat(100)}name`;
    const [entry] = parse(
      ...extension('L', encodeLatin1(`./${name}\0`)),
      ...extension('K', encodeLatin1(`${'t'.repeat(300)}\0`)),
      block('cut', '2', 0, gnu),
    );
    expect(entry).toMatchObject({ path: name, linkname: 't'.repeat(300), type: 'symlink' });
  });

  it('volume labels are passed over, unknown types refused by name', () => {
    expect(parse(block('label', 'V', 0, gnu), block('a', '0', 0)).map(({ path }) => path)).toEqual(['a']);
    expect(() => parse(block('part', 'M', 0, gnu))).toThrow(/"part" has the unknown type "M"/);
  });

  const oldSparse = (runs: [number, number][], size: number, stored: number, extended = false) =>
    block('s', 'S', stored, (bytes) => {
      gnu(bytes);
      runs.forEach(([offset, length], index) => {
        writeLatin1(bytes, 386 + index * 24, offset.toString(8).padStart(11, '0'));
        writeLatin1(bytes, 398 + index * 24, length.toString(8).padStart(11, '0'));
      });
      bytes[482] = extended ? 1 : 0;
      writeLatin1(bytes, 483, size.toString(8).padStart(11, '0'));
    });

  it('old sparse files, with extension blocks', () => {
    const more = new Uint8Array(512);
    writeLatin1(more, 0, `${(9000).toString(8).padStart(11, '0')}\x00${(3).toString(8).padStart(11, '0')}\0`);
    const [entry, next] = parse(
      oldSparse(
        [
          [0, 2],
          [4096, 5],
        ],
        10000,
        10,
        true,
      ),
      more,
      new Uint8Array(512),
      block('n', '0', 0),
    );
    expect(entry).toMatchObject({
      size: 10000,
      storedSize: 10,
      offset: 1024,
      sparse: [
        [0, 2],
        [4096, 5],
        [9000, 3],
      ],
    });
    expect(next?.path).toBe('n');
  });

  it.each<[string, [number, number][], number, number]>([
    [
      'overlap',
      [
        [0, 5],
        [3, 5],
      ],
      100,
      10,
    ],
    ['leave the file', [[96, 10]], 100, 10],
    ['are not what is stored', [[0, 5]], 100, 10],
  ])('sparse runs that %s are refused', (_, runs, size, stored) => {
    expect(() => parse(oldSparse(runs, size, stored), padded(new Uint8Array(stored)))).toThrow(
      /sparse map is wrong.*"s"/,
    );
  });

  it('sparse 1.0: the map before the data is not data, and the hidden name is the name', () => {
    const map = padded(encodeLatin1('2\n0\n3\n4096\n2\n'));
    const data = encodeLatin1('abcde');
    const records: PaxRecords = [
      ['GNU.sparse.major', '1'],
      ['GNU.sparse.minor', '0'],
      ['GNU.sparse.name', 'real/name'],
      ['GNU.sparse.realsize', '5000'],
    ];
    const size = map.length + data.length;
    const [entry, next] = parse(
      ...pax(records),
      block('GNUSparseFile.0/name', '0', size),
      map,
      padded(data),
      block('n', '0', 0),
    );
    expect(entry).toMatchObject({
      path: 'real/name',
      size: 5000,
      storedSize: 5,
      sparse: [
        [0, 3],
        [4096, 2],
      ],
      offset: 2048,
    });
    expect(next?.path).toBe('n');
    expect(() =>
      parse(...pax(records), block('x', '0', 512), padded(encodeLatin1('9\n0\n')), new Uint8Array(512)),
    ).toThrow(/^tar: /);
  });
});

describe('old archives', () => {
  it('a file whose name ends in a slash is a folder; no type is a file', () => {
    const entries = parse(block('old/', '0', 0), block('f', '\0', 0));
    expect(entries.map(({ path, type }) => `${path} ${type}`)).toEqual(['old directory', 'f file']);
  });

  it('checksums over signed bytes are accepted', () => {
    const bytes = block('\xff\xfe', '0', 0);
    const signed = sumHeader(bytes, 0) - 512;
    writeLatin1(bytes, 148, `${signed.toString(8).padStart(6, '0')}\0 `);
    expect(parse(bytes)[0]?.path).toBe('\xff\xfe');
  });

  it('a lone zero block inside an archive is damage, at its end it is enough', () => {
    expect(() => parse(new Uint8Array(512), block('a', '0', 0))).toThrow(/lone zero block/);
    const parser = new TarParser();
    parser.push(new Uint8Array(512));
    expect(() => parser.finish()).not.toThrow();
  });
});
