import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FormatsError } from '../error.ts';
import { decodeLatin1, encodeLatin1, normalizePath } from './byte-path.ts';
import type { IndexedEntry, TarEntry, TarEntryType } from './entry.ts';
import { NO_XATTRS } from './extensions.ts';
import { TarParser } from './parser.ts';
import { encodeHeader, TAR_END, tarPadding } from './writer.ts';

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

function entry(fields: Partial<TarEntry> & { path: string }): TarEntry {
  return {
    type: 'file',
    mode: 0o644,
    uid: 0,
    gid: 0,
    size: 0,
    mtime: 0,
    linkname: '',
    deviceMajor: 0,
    deviceMinor: 0,
    xattrs: NO_XATTRS,
    ...fields,
  };
}

function archive(members: readonly (readonly [TarEntry, Uint8Array])[]): Uint8Array {
  return concat([
    ...members.flatMap(([header, data]) => [encodeHeader(header), data, new Uint8Array(tarPadding(data.length))]),
    TAR_END,
  ]);
}

function parse(bytes: Uint8Array, chunkSize = bytes.length): IndexedEntry[] {
  const parser = new TarParser();
  const entries: IndexedEntry[] = [];
  for (let at = 0; at < bytes.length; at += chunkSize) entries.push(...parser.push(bytes.subarray(at, at + chunkSize)));
  parser.finish();
  return entries;
}

const byteText = (max: number, min = 1) =>
  fc.array(fc.integer({ min: 1, max: 255 }), { minLength: min, maxLength: max }).map((b) => String.fromCharCode(...b));
const component = byteText(60)
  .map((text) => text.replaceAll('/', '_'))
  .filter((text) => text !== '.' && text !== '..');
const path = fc.array(component, { minLength: 1, maxLength: 8 }).map((parts) => parts.join('/'));
const xattrs = fc.dictionary(
  byteText(20).map((text) => `user.${text.replaceAll('=', '_')}`),
  fc.uint8Array({ maxLength: 80, minLength: 1 }).map((bytes) => decodeLatin1(bytes)),
  { maxKeys: 3 },
);
const member = fc
  .record({
    path,
    type: fc.constantFrom<TarEntryType>('file', 'directory', 'symlink', 'hardlink', 'character', 'block', 'fifo'),
    mode: fc.integer({ min: 0, max: 0o7777 }),
    uid: fc.oneof(fc.integer({ min: 0, max: 70000 }), fc.constantFrom(0o7777777, 0o10000000, 0xfffffffe)),
    gid: fc.oneof(fc.integer({ min: 0, max: 70000 }), fc.constantFrom(0o7777777, 0o10000000, 0xfffffffe)),
    mtime: fc.oneof(fc.integer({ min: -5, max: 2 ** 31 }), fc.constantFrom(8 ** 11 - 1, 8 ** 11)),
    linkname: path,
    deviceMajor: fc.integer({ min: 0, max: 4095 }),
    deviceMinor: fc.integer({ min: 0, max: 1048575 }),
    xattrs,
    data: fc.uint8Array({ maxLength: 1500 }),
  })
  .map(({ data, ...fields }): [TarEntry, Uint8Array] => {
    const isLink = fields.type === 'symlink' || fields.type === 'hardlink';
    const isDevice = fields.type === 'character' || fields.type === 'block';
    const content = fields.type === 'file' ? data : new Uint8Array();
    return [
      entry({
        ...fields,
        linkname: isLink ? fields.linkname : '',
        deviceMajor: isDevice ? fields.deviceMajor : 0,
        deviceMinor: isDevice ? fields.deviceMinor : 0,
        size: content.length,
      }),
      content,
    ];
  });

describe('tar codec', () => {
  it('reads back whatever it wrote, in chunks of any size', () => {
    fc.assert(
      fc.property(fc.array(member, { maxLength: 6 }), fc.integer({ min: 1, max: 3000 }), (members, chunkSize) => {
        const bytes = archive(members);
        const read = parse(bytes, chunkSize);
        expect(read.length).toBe(members.length);
        read.forEach((found, index) => {
          const [written, data] = members[index] as [TarEntry, Uint8Array];
          const { offset, storedSize, ...rest } = found;
          expect({ ...rest, xattrs: { ...rest.xattrs } }).toEqual({ ...written, xattrs: { ...written.xattrs } });
          expect(bytes.subarray(offset, offset + storedSize)).toEqual(data);
        });
      }),
      { numRuns: 300 },
    );
  });

  it('never fails with anything but FormatsError on damaged input', () => {
    const good = archive([
      [entry({ path: 'a'.repeat(120), xattrs: { 'user.a': '\xff\0' }, size: 3 }), encodeLatin1('abc')],
      [entry({ path: 'dir', type: 'directory' }), new Uint8Array()],
    ]);
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }), (edits) => {
        const bad = good.slice();
        for (const [at, value] of edits) bad[at] = value;
        try {
          parse(bad);
        } catch (error) {
          expect(error).toBeInstanceOf(FormatsError);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('uses a PAX header only for what ustar cannot hold', () => {
    expect(encodeHeader(entry({ path: `${'d'.repeat(150)}/${'f'.repeat(100)}` })).length).toBe(512);
    expect(encodeHeader(entry({ path: `${'d'.repeat(98)}/e`, type: 'directory' })).length).toBe(512);
    expect(encodeHeader(entry({ path: 'f'.repeat(101) })).length).toBe(1536);
    expect(encodeHeader(entry({ path: 'f', uid: 2 ** 21 })).length).toBe(1536);
  });

  it('refuses fields that tar cannot hold', () => {
    expect(() => encodeHeader(entry({ path: 'a', size: -1 }))).toThrow(/"a" cannot be written/);
    expect(() => encodeHeader(entry({ path: 'a', uid: Number.NaN }))).toThrow(FormatsError);
  });

  it('says where a cut-off archive ends, for every cut', () => {
    const bytes = archive([[entry({ path: 'a', size: 600 }), new Uint8Array(600)]]);
    for (const cut of [1, 511, 512, 900, 1535, 1536]) {
      expect(() => parse(bytes.subarray(0, cut), 100)).toThrow(/cut off|without its end marker/);
    }
    const parser = new TarParser();
    parser.push(bytes.subarray(0, 1536));
    expect(() => parser.finish({ requireEnd: false })).not.toThrow();
  });

  it('ignores what follows the end marker', () => {
    const bytes = concat([archive([[entry({ path: 'a' }), new Uint8Array()]]), encodeLatin1('garbage'.repeat(200))]);
    expect(parse(bytes).map((found) => found.path)).toEqual(['a']);
  });

  it('notices a wrong checksum', () => {
    const bytes = archive([[entry({ path: 'a' }), new Uint8Array()]]);
    bytes[0] = 98;
    expect(() => parse(bytes)).toThrow(/checksum/);
  });
});

describe('names', () => {
  it('are made relative, without empty and "." components', () => {
    expect(normalizePath('/etc/passwd')).toBe('etc/passwd');
    expect(normalizePath('./usr//lib/./x/')).toBe('usr/lib/x');
    expect(normalizePath('./')).toBe('');
    expect(normalizePath('..a/b..')).toBe('..a/b..');
  });

  it.each(['..', '../x', 'a/../b', 'a/..', '/..', './..', 'a\0b', 'n'.repeat(256), 'd/'.repeat(2100)])(
    'refuse %j and say which entry it is',
    (name) => {
      expect(() => normalizePath(name)).toThrow(FormatsError);
      expect(() => normalizePath(name)).toThrow(/the entry "/);
    },
  );

  it('hostile ones in archives are refused, as member and as hard link target', () => {
    expect(() => parse(archive([[entry({ path: 'a/../../etc/passwd' }), new Uint8Array()]]))).toThrow(
      /"a\/..\/..\/etc/,
    );
    expect(() =>
      parse(archive([[entry({ path: 'x', type: 'hardlink', linkname: '../y' }), new Uint8Array()]])),
    ).toThrow(/hard link "x"/);
  });
});

describe('hostile numbers', () => {
  const withSize = (field: Uint8Array): Uint8Array => {
    const bytes = archive([[entry({ path: 'a' }), new Uint8Array()]]);
    bytes.set(field, 124);
    let sum = 0;
    for (let index = 0; index < 512; index++) sum += index >= 148 && index < 156 ? 32 : (bytes[index] as number);
    bytes.set(encodeLatin1(`${sum.toString(8).padStart(6, '0')}\0 `), 148);
    return bytes;
  };

  it('negative sizes are refused', () => {
    expect(() => parse(withSize(new Uint8Array(12).fill(0xff)))).toThrow(/negative size/);
  });

  it('sizes beyond 2^53 are refused', () => {
    expect(() => parse(withSize(Uint8Array.of(0x80, 0, 0, 0, 0xff, 0, 0, 0, 0, 0, 0, 0)))).toThrow(/2\^53/);
  });

  it('a huge size that the archive does not hold is a cut-off archive', () => {
    expect(() => parse(withSize(Uint8Array.of(0x80, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0)))).toThrow(/cut off/);
  });

  it('base-256 sizes are read', () => {
    const bytes = withSize(Uint8Array.of(0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0));
    expect(parse(concat([bytes.subarray(0, 512), new Uint8Array(512), TAR_END]))[0]?.size).toBe(512);
  });
});
