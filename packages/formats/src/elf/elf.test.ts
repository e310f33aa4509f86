import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concatBytes } from '../byte-reader.ts';
import { FormatsError } from '../error.ts';
import { encodeLatin1 } from '../tar/byte-path.ts';
import { parseDlopenNote } from './dlopen.ts';
import { ELF_MACHINE, isElf, parseElf } from './read.ts';

const BASE = 0x400000;

interface Sketch {
  interpreter?: string;
  soname?: string;
  needed?: string[];
  runpath?: string;
  rpath?: string;
  note?: string;
}

/** A minimal 64-bit shared object: one PT_LOAD over everything, then what the sketch asks for. */
function buildElf(sketch: Sketch): Uint8Array {
  let strings = '\0';
  const addString = (text: string): bigint => {
    const at = strings.length;
    strings += `${text}\0`;
    return BigInt(at);
  };
  const tags: [number, bigint][] = (sketch.needed ?? []).map((name) => [1, addString(name)]);
  if (sketch.soname !== undefined) tags.push([14, addString(sketch.soname)]);
  if (sketch.rpath !== undefined) tags.push([15, addString(sketch.rpath)]);
  if (sketch.runpath !== undefined) tags.push([29, addString(sketch.runpath)]);
  const interpreter = encodeLatin1(`${sketch.interpreter ?? ''}\0`);
  const noteText = encodeLatin1(`${sketch.note ?? ''}\0`);
  const note = new Uint8Array(16 + Math.ceil(noteText.length / 4) * 4);
  new DataView(note.buffer).setUint32(0, 4, true);
  new DataView(note.buffer).setUint32(4, noteText.length, true);
  new DataView(note.buffer).setUint32(8, 0x407c0c0a, true);
  note.set(encodeLatin1('FDO\0'), 12);
  note.set(noteText, 16);

  const stringsAt = 64 + 4 * 56;
  const interpreterAt = stringsAt + strings.length;
  const noteAt = interpreterAt + interpreter.length;
  const dynamicAt = noteAt + note.length;
  tags.push([5, BigInt(BASE + stringsAt)], [0, 0n]);
  const dynamic = new Uint8Array(tags.length * 16);
  for (const [index, [tag, value]] of tags.entries()) {
    new DataView(dynamic.buffer).setBigUint64(index * 16, BigInt(tag), true);
    new DataView(dynamic.buffer).setBigUint64(index * 16 + 8, value, true);
  }
  const total = dynamicAt + dynamic.length;
  const header = new Uint8Array(stringsAt);
  const view = new DataView(header.buffer);
  header.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setUint16(16, 3, true);
  view.setUint16(18, ELF_MACHINE.aarch64, true);
  view.setBigUint64(32, 64n, true);
  view.setUint16(54, 56, true);
  view.setUint16(56, 4, true);
  const segments: [number, number, number][] = [
    [1, 0, total],
    [sketch.interpreter === undefined ? 0 : 3, interpreterAt, interpreter.length],
    [sketch.note === undefined ? 0 : 4, noteAt, note.length],
    [2, dynamicAt, dynamic.length],
  ];
  for (const [index, [type, offset, size]] of segments.entries()) {
    const at = 64 + index * 56;
    view.setUint32(at, type, true);
    view.setBigUint64(at + 8, BigInt(offset), true);
    view.setBigUint64(at + 16, BigInt(BASE + offset), true);
    view.setBigUint64(at + 32, BigInt(size), true);
    view.setBigUint64(at + 48, 4n, true);
  }
  return concatBytes([header, encodeLatin1(strings), interpreter, note, dynamic]);
}

const libraryName = fc.stringMatching(/^[a-z0-9_.+-]{1,30}$/);

describe('ELF parser', () => {
  it('finds what a file needs in order to load', () => {
    fc.assert(
      fc.property(fc.array(libraryName), libraryName, libraryName, (needed, soname, interpreter) => {
        const info = parseElf(buildElf({ needed, soname, interpreter, runpath: '$ORIGIN/../lib:/opt/lib' }));
        expect(info).toEqual({
          bits: 64,
          type: 3,
          machine: ELF_MACHINE.aarch64,
          interpreter,
          soname,
          needed,
          runpath: ['$ORIGIN/../lib', '/opt/lib'],
          dlopen: [],
        });
      }),
    );
  });

  it('takes DT_RPATH only when there is no DT_RUNPATH', () => {
    expect(parseElf(buildElf({ rpath: '/old' })).runpath).toEqual(['/old']);
    expect(parseElf(buildElf({ rpath: '/old', runpath: '/new' })).runpath).toEqual(['/new']);
  });

  it('reads the libraries that are loaded by dlopen', () => {
    const note = '[{"soname":["libtss2-esys.so.0"],"feature":"tpm","priority":"suggested"},{"soname":["a","b"]}]';
    expect(parseElf(buildElf({ note })).dlopen).toEqual([
      { sonames: ['libtss2-esys.so.0'], priority: 'suggested', feature: 'tpm' },
      { sonames: ['a', 'b'], priority: 'recommended', feature: undefined },
    ]);
  });

  it('says when a file is not for it', () => {
    expect(isElf(encodeLatin1('#!/bin/sh'))).toBe(false);
    expect(() => parseElf(encodeLatin1('#!/bin/sh'))).toThrow('magic number');
    const bigEndian = buildElf({});
    bigEndian[5] = 2;
    expect(() => parseElf(bigEndian)).toThrow('big-endian');
  });

  it('throws nothing but its own errors on damaged files', () => {
    const whole = buildElf({ needed: ['libc.so.6'], note: '[{"soname":["x"]}]', interpreter: '/lib/ld.so' });
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.uint8Array({ maxLength: 8 }), fc.nat(whole.length), (at, junk, cut) => {
        const damaged = whole.slice();
        damaged.set(junk.subarray(0, whole.length - at), at);
        for (const bytes of [damaged, whole.subarray(0, cut)]) {
          try {
            parseElf(bytes);
          } catch (error) {
            expect(error).toBeInstanceOf(FormatsError);
          }
        }
      }),
      { numRuns: 1000 },
    );
  });

  it.each(['', 'x', '{}', '[1]', '[{}]', '[{"soname":[]}]', '[{"soname":[1]}]'])('refuses the note %j', (text) => {
    expect(() => parseDlopenNote(encodeLatin1(text))).toThrow(FormatsError);
  });
});
