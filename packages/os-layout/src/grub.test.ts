import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  encodeGrubEnvironment,
  encodeGrubMenu,
  GRUB_ENVIRONMENT_BYTES,
  GRUB_MENU_BYTES,
  type GrubEntry,
  type GrubEnvironment,
  grubScriptText,
  OsLayoutError,
  parseGrubEnvironment,
  parseGrubMenu,
} from './index.ts';

const id = fc.integer({ min: 1, max: 10 ** 12 }).map((generation) => `bowline-${generation}`);
const environment: fc.Arbitrary<GrubEnvironment> = fc.record(
  { trial: id, tries: fc.integer({ min: 0, max: 5 }), once: id, bad: id },
  { requiredKeys: [] },
);
const sectors = fc.record({ start: fc.nat(10 ** 9), count: fc.nat(10 ** 9) });
const printable = fc.string({ unit: fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCodePoint(code)) });
const entry: fc.Arbitrary<GrubEntry> = fc.record(
  {
    generation: fc.oneof(fc.integer({ min: 1, max: 10 ** 12 }), fc.constant('recovery' as const)),
    state: fc.constantFrom('good', 'trial', 'bad'),
    profile: fc.integer({ min: 1, max: 9 }),
    title: printable.map((text) => text.replaceAll("'", '?').trim()),
    ukiDigest: fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => `sha256:${bytes.toHex()}`),
    kernel: sectors,
    initrd: sectors,
    commandLine: printable,
  },
  { requiredKeys: ['generation', 'state', 'title', 'ukiDigest', 'kernel', 'initrd', 'commandLine'] },
);

describe("GRUB's environment block", () => {
  it('is what grub-editenv writes: a header, assignments, and # to the end', () => {
    const block = encodeGrubEnvironment({ trial: 'bowline-7', tries: 3 });
    expect(block).toHaveLength(GRUB_ENVIRONMENT_BYTES);
    expect(new TextDecoder().decode(block)).toMatch(/^# GRUB Environment Block\ntrial=bowline-7\ntries=3\n#+$/);
  });

  it('is read back, and everything is in its first sector', () => {
    fc.assert(
      fc.property(environment, (one) => {
        const block = encodeGrubEnvironment(one);
        expect(parseGrubEnvironment(block)).toEqual(one);
        expect(block.subarray(512).every((byte) => byte === 0x23)).toBe(true);
      }),
    );
  });

  it('says nothing when it is torn, short or full of anything else', () => {
    const block = encodeGrubEnvironment({ trial: 'bowline-7', tries: 3 });
    expect(parseGrubEnvironment(block.subarray(1))).toEqual({});
    expect(parseGrubEnvironment(new Uint8Array(GRUB_ENVIRONMENT_BYTES))).toEqual({});
    const others = `# GRUB Environment Block\nsaved_entry=0\ntries=many\ntrial=\n`.padEnd(GRUB_ENVIRONMENT_BYTES, '#');
    expect(parseGrubEnvironment(new TextEncoder().encode(others))).toEqual({});
    expect(() => encodeGrubEnvironment({ once: 'a\nb=c' })).toThrow(OsLayoutError);
  });
});

describe("GRUB's menu", () => {
  it('is read back in the order of start, whatever titles and command lines hold', () => {
    fc.assert(
      fc.property(fc.uniqueArray(entry, { selector: (one) => one.generation, maxLength: 6 }), (entries) => {
        const menu = encodeGrubMenu(entries);
        expect(menu).toHaveLength(GRUB_MENU_BYTES);
        const found = parseGrubMenu(menu);
        expect(new Set(found)).toEqual(new Set(entries));
        expect(encodeGrubMenu(found)).toEqual(menu);
      }),
    );
  });

  it('has what failed last, and is empty when it is torn to nothing', () => {
    const base = { ...fc.sample(entry, 1)[0], profile: 1 } as GrubEntry;
    const entries: GrubEntry[] = [
      { ...base, generation: 'recovery', state: 'good' },
      { ...base, generation: 9, state: 'bad' },
      { ...base, generation: 7, state: 'good' },
      { ...base, generation: 8, state: 'trial' },
    ];
    expect(parseGrubMenu(encodeGrubMenu(entries)).map((one) => one.generation)).toEqual([8, 7, 'recovery', 9]);
    expect(parseGrubMenu(new Uint8Array(0))).toEqual([]);
  });

  it('refuses what does not fit', () => {
    const [one] = fc.sample(entry, 1) as [GrubEntry];
    const long = Array.from({ length: 9 }, (_, index) => ({
      ...one,
      generation: index + 1,
      commandLine: 'x'.repeat(2048),
    }));
    expect(() => encodeGrubMenu(long)).toThrow(/menu of 9 entries/);
    expect(() => encodeGrubMenu([{ ...one, commandLine: 'a\nreboot' }])).toThrow(OsLayoutError);
  });
});

describe("GRUB's script", () => {
  it('closes what it opens', () => {
    const words = grubScriptText()
      .replaceAll(/#.*|"[^"]*"/g, '')
      .split(/[\s;]+/);
    const count = (word: string): number => words.filter((one) => one === word).length;
    expect(count('if')).toBe(count('fi'));
    expect(count('{')).toBe(count('}'));
  });
});
