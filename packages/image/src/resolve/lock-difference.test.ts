import type { Digest } from '@bowline/host';
import type { BowlLock, LockedSource } from '@bowline/spec';
import { describe, expect, it } from 'vitest';
import { lockDifferences, type WantedLock } from './lock-difference.ts';

const digest = (digit: string): Digest => `sha256:${digit.repeat(64)}`;
const locked = (digit: string, origin: string): LockedSource => ({
  kind: 'debian',
  request: digest(digit),
  origin,
  layers: [],
});
const wanted = (digit: string, origin: string) => ({ request: digest(digit), origin });

const lock: BowlLock = {
  lockVersion: 1,
  files: { motd: digest('1'), gone: digest('2') },
  arch: {
    amd64: {
      base: locked('a', 'debian bookworm'),
      kernel: locked('b', 'linux-image-amd64'),
      firmware: [locked('c', 'fw')],
      bowline: {},
    },
  },
};

describe('lockDifferences', () => {
  it('finds none when every request is the same', () => {
    const same: WantedLock = {
      files: lock.files,
      arch: {
        amd64: {
          base: wanted('a', 'whatever'),
          packages: undefined,
          kernel: wanted('b', 'k'),
          firmware: [wanted('c', 'fw')],
        },
      },
    };
    expect(lockDifferences(lock, same)).toEqual([]);
  });

  it('lists all of them in words', () => {
    expect(
      lockDifferences(lock, {
        files: { motd: digest('9'), fresh: digest('3') },
        arch: {
          amd64: {
            base: wanted('d', 'debian trixie'),
            packages: wanted('e', 'packages curl'),
            kernel: undefined,
            firmware: [wanted('f', 'fw'), wanted('0', 'more')],
          },
          arm64: { base: wanted('a', 'x'), packages: undefined, kernel: undefined, firmware: [] },
        },
      }),
    ).toEqual([
      'file fresh is new',
      'file gone is no longer used',
      'file motd has other content',
      'amd64 base: debian bookworm became debian trixie',
      'amd64 packages: packages curl is new',
      'amd64 kernel: linux-image-amd64 is no longer asked for',
      'amd64 firmware 1: fw has other content or options',
      'amd64 firmware 2: more is new',
      'arm64 is not in the lock',
    ]);
  });

  it('says when there is no lock', () => {
    expect(lockDifferences(undefined, { files: {}, arch: {} })).toEqual(['there is no bowl.lock yet']);
  });
});
