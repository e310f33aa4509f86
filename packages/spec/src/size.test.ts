import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatBytes, parseSize } from './size.ts';

describe('parseSize', () => {
  it.each([
    ['1 MiB', 1048576],
    ['512MiB', 536870912],
    ['4 GiB', 4294967296],
    ['999 TiB', 999 * 2 ** 40],
    ['999999 GiB', 999999 * 2 ** 30],
  ])('%s is %d bytes', (text, bytes) => {
    expect(parseSize(text)).toBe(bytes);
  });

  it.each([
    '',
    '4',
    '4 GB',
    '4  GiB',
    '0 GiB',
    '-1 GiB',
    '1.5 GiB',
    '4 gib',
    '4 GiB ',
    '04 GiB',
    '1000 TiB',
    '9'.repeat(50),
  ])('refuses %j', (text) => {
    expect(() => parseSize(text)).toThrow(expect.objectContaining({ code: 'SIZE_INVALID' }));
  });
});

describe('formatBytes', () => {
  it.each([
    [0, '0 B'],
    [1023, '1023 B'],
    [1024, '1 KiB'],
    [1536, '1.5 KiB'],
    [2 ** 20 - 1, '1 MiB'],
    [2 ** 32, '4 GiB'],
    [Number.MAX_SAFE_INTEGER, '8 PiB'],
  ])('%d is %s', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });

  it('never prints more than 1023 of a unit', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (bytes) => {
        expect(Number.parseFloat(formatBytes(bytes))).toBeLessThan(1024);
      }),
    );
  });

  it('writes whole sizes so that they read back', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1023 }), fc.constantFrom('MiB', 'GiB'), (count, unit) => {
        expect(formatBytes(parseSize(`${count} ${unit}`))).toBe(`${count} ${unit}`);
      }),
    );
  });

  it.each([-1, 0.5, Number.NaN])('refuses %d', (bytes) => {
    expect(() => formatBytes(bytes)).toThrow(TypeError);
  });
});
