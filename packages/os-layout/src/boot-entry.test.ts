import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  BOOT_TRIES,
  type BootEntry,
  type BootTries,
  bootEntryId,
  bootEntryName,
  bootEntryText,
  type EntryKey,
  ESP_RECORD_BYTES,
  espRecord,
  isBad,
  isTrial,
  OsLayoutError,
  orderOfStart,
  parseBootEntryName,
  parseBootEntryText,
  ukiDigestOf,
  ukiPath,
} from './index.ts';

const DIGEST = `sha256:${'0a1b2c3d'.repeat(8)}`;
const version = fc.integer({ min: 1, max: 999_999_999_999_999 });
const key: fc.Arbitrary<EntryKey> = fc.oneof(version, fc.constant('recovery' as const));
const tries: fc.Arbitrary<BootTries> = fc.oneof(
  fc.constant('good' as const),
  fc.record({ left: fc.integer({ min: 0, max: 5 }), done: fc.integer({ min: 0, max: 5 }) }),
);
const entry: fc.Arbitrary<BootEntry> = fc.record(
  {
    generation: key,
    title: fc.string({ unit: 'binary', maxLength: 300 }),
    ukiDigest: fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => `sha256:${bytes.toHex()}`),
    profile: fc.integer({ min: 0, max: 9 }),
  },
  { requiredKeys: ['generation', 'title', 'ukiDigest'] },
);

describe('the name of a boot entry', () => {
  it('counts three tries, as systemd-boot rewrites it, and none once blessed', () => {
    expect(bootEntryName(7)).toBe('bowline-7+3.conf');
    expect(bootEntryName(7, { left: 2, done: 1 })).toBe('bowline-7+2-1.conf');
    expect(bootEntryName(7, { left: 0, done: BOOT_TRIES })).toBe('bowline-7+0-3.conf');
    expect(bootEntryName(7, 'good')).toBe('bowline-7.conf');
    expect(bootEntryName('recovery', 'good')).toBe('bowline-recovery.conf');
    expect(() => bootEntryName(0)).toThrow(OsLayoutError);
    expect(() => bootEntryName(1.5, 'good')).toThrow(OsLayoutError);
  });

  it('is read back, whatever the counter', () => {
    fc.assert(
      fc.property(key, tries, (generation, left) => {
        const name = bootEntryName(generation, left);
        expect(parseBootEntryName(name)).toEqual({ generation, tries: left });
        expect(name.startsWith(bootEntryId(generation))).toBe(true);
      }),
    );
  });

  it.each([
    'debian.conf',
    'bowline-07.conf',
    'bowline-0.conf',
    'bowline-7.conf.tmp',
    'bowline-7+.conf',
    'bowline-x+1.conf',
  ])('is not %s', (name) => {
    expect(parseBootEntryName(name)).toBeUndefined();
  });
});

describe('the text of a boot entry', () => {
  it('names the UKI by its content, and sorts by the generation', () => {
    expect(bootEntryText({ generation: 7, title: 'edge 1.2', ukiDigest: DIGEST })).toBe(
      `title edge 1.2\nversion 7\nsort-key bowline\nefi /${ukiPath(DIGEST)}\n`,
    );
    expect(bootEntryText({ generation: 'recovery', title: 'Recovery', ukiDigest: DIGEST, profile: 2 })).toBe(
      `title Recovery\nsort-key bowline-recovery\nefi /${ukiPath(DIGEST)}\noptions @2\n`,
    );
  });

  it('is read back and always fits one sector, filled up with blank lines', () => {
    fc.assert(
      fc.property(entry, (one) => {
        const record = espRecord(bootEntryText(one));
        expect(record).toHaveLength(ESP_RECORD_BYTES);
        const found = parseBootEntryText(new TextDecoder().decode(record));
        expect(found).toEqual({ ...one, title: found?.title });
        expect(one.title.replaceAll(/[^\x20-\x7e]/g, '?')).toContain(found?.title);
      }),
    );
  });

  it('starts nothing when it is blank, torn, or of another program', () => {
    const text = bootEntryText({ generation: 7, title: 'edge', ukiDigest: DIGEST });
    expect(parseBootEntryText(new TextDecoder().decode(espRecord('')))).toBeUndefined();
    expect(parseBootEntryText(text.slice(0, -10))).toBeUndefined();
    expect(parseBootEntryText('title Debian\nlinux /vmlinuz\n')).toBeUndefined();
    expect(parseBootEntryText(`${text}options quiet\n`)).toBeUndefined();
    expect(() => espRecord('x'.repeat(ESP_RECORD_BYTES + 1))).toThrow(OsLayoutError);
  });

  it('tells the digest of a UKI from its path, in any case that FAT gives it', () => {
    expect(ukiDigestOf(`/${ukiPath(DIGEST)}`)).toBe(DIGEST);
    expect(ukiDigestOf(ukiPath(DIGEST).toUpperCase())).toBe(DIGEST);
    expect(ukiDigestOf('/EFI/Linux/other.efi')).toBeUndefined();
  });
});

describe('the order in which entries start', () => {
  it('is newest version first, then the recovery, and what failed last', () => {
    const names = [
      'bowline-recovery.conf',
      'bowline-9+0-3.conf',
      'bowline-10+3.conf',
      'bowline-8.conf',
      'bowline-11+0-5.conf',
      'bowline-7.conf',
    ];
    const entries = names.flatMap((name) => parseBootEntryName(name) ?? []);
    expect(orderOfStart(entries).map((one) => bootEntryName(one.generation, one.tries))).toEqual([
      'bowline-10+3.conf',
      'bowline-8.conf',
      'bowline-7.conf',
      'bowline-recovery.conf',
      'bowline-11+0-5.conf',
      'bowline-9+0-3.conf',
    ]);
  });

  it('holds for any entries: what is bad never comes before what is not, and none is lost', () => {
    const entries = fc.array(fc.record({ generation: key, tries }), { maxLength: 12 });
    fc.assert(
      fc.property(entries, (list) => {
        const order = orderOfStart(list);
        expect(order).toHaveLength(list.length);
        expect(new Set(order)).toEqual(new Set(list));
        const bad = order.map(isBad);
        expect(bad).toEqual(bad.toSorted((a, b) => Number(a) - Number(b)));
        const first = order.find((one) => !isBad(one) && one.generation !== 'recovery');
        const highest = Math.max(
          ...list.flatMap((one) => (isBad(one) || one.generation === 'recovery' ? [] : [one.generation])),
        );
        expect(first?.generation ?? Number.NEGATIVE_INFINITY).toBe(highest);
        for (const one of list)
          expect([isBad(one), isTrial(one), one.tries === 'good'].filter(Boolean)).toHaveLength(1);
      }),
    );
  });
});
