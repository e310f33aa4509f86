import { describe, expect, it } from 'vitest';
import {
  formatReleasePart,
  parseReleaseDocument,
  parseReleaseInventory,
  parseReleaseSignatures,
  type ReleaseDocument,
} from './schema.ts';

const blob = (digit: string) => ({ sha256: `sha256:${digit.repeat(64)}` as const, sizeBytes: 4096 });
const DOCUMENT: ReleaseDocument = {
  releaseVersion: 1,
  name: 'edge',
  version: '2',
  imageId: `sha256:${'1'.repeat(64)}`,
  arch: 'amd64',
  debug: false,
  layoutVersion: 1,
  kernelVersion: '6.12.1',
  slotBytes: 2 ** 30,
  root: blob('2'),
  verity: {
    rootHash: '3'.repeat(64),
    salt: '00ff',
    uuid: '12345678-1234-1234-1234-123456789abc',
    dataBlocks: 1,
  },
  chunkIndex: blob('4'),
  chunks: blob('5'),
  chunkAverageBytes: 65_536,
  uki: blob('6'),
  bootLoader: blob('7'),
  inventory: blob('8'),
};

describe('the parts of a release', () => {
  it('come back as they were written, and the same value gives the same bytes', () => {
    const text = formatReleasePart(DOCUMENT);
    expect(parseReleaseDocument(text, 'release')).toEqual(DOCUMENT);
    expect(formatReleasePart(parseReleaseDocument(text, 'release'))).toBe(text);
  });

  it.each([
    ['a root hash of another length', { verity: { ...DOCUMENT.verity, rootHash: '3' } }],
    ['a key that is not known', { extra: 1 }],
    ['another architecture', { arch: 'riscv64' }],
    ['a blob without a size', { uki: { sha256: blob('6').sha256, sizeBytes: 0 } }],
  ])('refuse %s', (_what, change) => {
    expect(() => parseReleaseDocument(JSON.stringify({ ...DOCUMENT, ...change }), 'release')).toThrow(
      expect.objectContaining({ code: 'RELEASE_INVALID' }),
    );
  });

  it('say that a newer release needs a newer agent', () => {
    expect(() => parseReleaseDocument(JSON.stringify({ ...DOCUMENT, releaseVersion: 2 }), 'release')).toThrow(/newer/);
  });

  it('refuse a signature that is no Base64, and an inventory without packages', () => {
    const signature = { keyId: DOCUMENT.imageId, algorithm: 'ed25519', signature: '%' };
    expect(() =>
      parseReleaseSignatures(JSON.stringify({ signaturesVersion: 1, signatures: [signature] }), 'signatures'),
    ).toThrow(expect.objectContaining({ code: 'RELEASE_INVALID' }));
    expect(() => parseReleaseInventory('{"inventoryVersion":1}', 'inventory')).toThrow(/packages/);
  });
});
