import type { BowlLock, LockedSource } from '../lock/schema.ts';

const digest = (letter: string) => `sha256:${letter.repeat(64)}` as const;

const source = (kind: LockedSource['kind'], letter: string): LockedSource => ({
  kind,
  request: digest('0'),
  origin: `somewhere ${kind}`,
  manifest: digest('1'),
  layers: [{ diffId: digest(letter), size: 10, blob: { digest: digest('2'), size: 5, mediaType: 'a/b' } }],
  packages: { udev: '257' },
});

/** A lock with every key. */
export const FULL_LOCK: BowlLock = {
  lockVersion: 1,
  files: { 'files/app': digest('3') },
  arch: {
    amd64: {
      base: source('debian', 'a'),
      packages: source('packages', 'b'),
      kernel: source('kernel', 'c'),
      firmware: [source('firmware', 'd')],
      bowline: { toolbox: digest('e') },
      slotBytes: 2 ** 30,
    },
    arm64: { base: source('rootfs', 'f'), firmware: [], bowline: {} },
  },
};
