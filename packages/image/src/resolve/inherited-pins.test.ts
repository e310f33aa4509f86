import type { Digest } from '@bowline/host';
import type { BowlLock, LockedSource } from '@bowline/spec';
import { describe, expect, it } from 'vitest';
import { inheritedPin } from './inherited-pins.ts';

const digest = (letter: string): Digest => `sha256:${letter.repeat(64)}`;
const pin = (kind: LockedSource['kind'], request: Digest): LockedSource => ({
  kind,
  request,
  origin: 'somewhere',
  layers: [{ diffId: digest('1'), size: 1 }],
});
const base = pin('debian', digest('a'));
const kernel = pin('kernel', digest('b'));
const lock: BowlLock = { lockVersion: 1, files: {}, arch: { amd64: { base, kernel, firmware: [], bowline: {} } } };
const full = { has: (): Promise<boolean> => Promise.resolve(true) };

describe('pins of an extended bowl', () => {
  it('are those of the same wish', async () => {
    expect(await inheritedPin({ kind: 'debian', request: digest('a') }, [lock], 'amd64', full)).toBe(base);
    expect(await inheritedPin({ kind: 'kernel', request: digest('b') }, [lock], 'amd64', full)).toBe(kernel);
  });

  it.each([
    ['another wish', { kind: 'debian', request: digest('c') }, 'amd64', full],
    ['the same wish of another kind', { kind: 'image', request: digest('a') }, 'amd64', full],
    ['another architecture', { kind: 'debian', request: digest('a') }, 'arm64', full],
    [
      'layers that the store lost',
      { kind: 'debian', request: digest('a') },
      'amd64',
      { has: (): Promise<boolean> => Promise.resolve(false) },
    ],
  ] as const)('are not taken for %s', async (_name, plan, arch, store) => {
    expect(await inheritedPin(plan, [lock], arch, store)).toBeUndefined();
  });
});
