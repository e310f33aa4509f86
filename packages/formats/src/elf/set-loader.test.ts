import { describe, expect, it } from 'vitest';
import { FormatsError } from '../error.ts';
import { encodeLatin1 } from '../tar/byte-path.ts';
import { parseElf } from './read.ts';
import { setLoader } from './set-loader.ts';

const PATHS = { interpreter: '/usr/lib/bowline/ld.so', libraries: '/usr/lib/bowline' };
const BASE = 0x400000;
const PAGE = 4096;
const STRINGS_AT = 0x300;

interface Sketch {
  interpreter?: string;
  /** Entries that the linker left unused. */
  spare?: number;
  /** Bytes of the first segment, which holds the strings. */
  length?: number;
  rpath?: boolean;
  /** Where the second segment is loaded. */
  next?: number;
}

/** A program as a linker leaves it: strings in a first segment, the dynamic section and what follows it in a second. */
function makeProgram(sketch: Sketch = {}): Uint8Array {
  const bytes = new Uint8Array(3 * PAGE);
  const view = new DataView(bytes.buffer);
  const interpreter = encodeLatin1(`${sketch.interpreter ?? '/lib64/ld-linux-x86-64.so.2'}\0`);
  const length = sketch.length ?? STRINGS_AT + 16;
  const tags: [number, number][] = [
    [1, 1],
    [5, BASE + STRINGS_AT],
    [10, 11],
    ...(sketch.rpath === true ? [[15, 1] as [number, number]] : []),
    [0, 0],
  ];
  const room = (tags.length + (sketch.spare ?? 1)) * 16;
  const segments = [
    [1, 0, BASE, length],
    [3, 0x200, BASE + 0x200, interpreter.length],
    [1, PAGE, sketch.next ?? BASE + PAGE, PAGE],
    [2, PAGE, BASE + PAGE, tags.length * 16],
  ] as const;
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setUint16(16, 2, true);
  view.setBigUint64(32, 64n, true);
  view.setBigUint64(40, BigInt(2 * PAGE), true);
  view.setUint16(54, 56, true);
  view.setUint16(56, segments.length, true);
  view.setUint16(60, 2, true);
  segments.forEach(([type, offset, address, size], index) => {
    const at = 64 + index * 56;
    view.setUint32(at, type, true);
    for (const [field, value] of [
      [8, offset],
      [16, address],
      [32, size],
      [40, size],
    ] as const)
      view.setBigUint64(at + field, BigInt(value), true);
  });
  bytes.set(interpreter, 0x200);
  bytes.set(encodeLatin1('\0libc.so.6\0'), STRINGS_AT);
  tags.forEach(([tag, value], index) => {
    view.setBigUint64(PAGE + index * 16, BigInt(tag), true);
    view.setBigUint64(PAGE + index * 16 + 8, BigInt(value), true);
  });
  // The section after the dynamic one; its content starts at once.
  view.setBigUint64(2 * PAGE + 24, BigInt(PAGE), true);
  view.setBigUint64(2 * PAGE + 64 + 24, BigInt(PAGE + room), true);
  bytes.fill(0xff, PAGE + room, PAGE + room + 32);
  return bytes;
}

describe('setting the loader of a program', () => {
  it('gives it another loader and a folder for libraries, and moves nothing', () => {
    const program = makeProgram();
    const before = program.slice();
    setLoader(program, PATHS);
    expect(parseElf(program)).toMatchObject({
      interpreter: PATHS.interpreter,
      runpath: [PATHS.libraries],
      needed: ['libc.so.6'],
    });
    expect(program.length).toBe(before.length);
    const changed = program.reduce((count, byte, at) => count + (byte === before[at] ? 0 : 1), 0);
    expect(changed).toBeLessThan(100);
  });

  it('uses the last bytes of a page', () => {
    const program = makeProgram({ length: PAGE - PATHS.libraries.length - 1 });
    setLoader(program, PATHS);
    expect(parseElf(program).runpath).toEqual([PATHS.libraries]);
  });

  it.each<[what: string, sketch: Sketch, why: RegExp]>([
    ['a loader with a short name', { interpreter: '/lib/ld.so' }, /room for 10 bytes/],
    ['no entry to spare', { spare: 0 }, /no spare entry/],
    ['a search path of its own', { rpath: true }, /DT_RPATH already/],
    ['a full page of strings', { length: PAGE - 4 }, /no room behind its strings/],
    ['another segment right behind the strings', { next: BASE + STRINGS_AT + 20 }, /no room behind its strings/],
  ])('refuses a program with %s', (_what, sketch, why) => {
    const program = makeProgram(sketch);
    expect(() => setLoader(program, PATHS)).toThrow(why);
    expect(() => setLoader(makeProgram(sketch), PATHS)).toThrow(FormatsError);
  });

  it('refuses what is no program', () => {
    expect(() => setLoader(new Uint8Array(64), PATHS)).toThrow(/no 64-bit program/);
  });
});
