import { describe, expect, it } from 'vitest';
import { ownCodeDigest, runtimeDigest } from './own-digest.ts';

describe('the digests of what Bowline adds', () => {
  it('follow from the name and version of the image', async () => {
    const facts = { name: 'edge', version: '1', arch: 'amd64' } as const;
    expect(await runtimeDigest({ ...facts })).toBe(await runtimeDigest(facts));
    const others = [{ name: 'other' }, { version: '2' }, { arch: 'arm64' as const }];
    const all = [{}, ...others].map((other) => runtimeDigest({ ...facts, ...other }));
    expect(new Set(await Promise.all(all)).size).toBe(4);
  });

  it('are the same each time, one per architecture', async () => {
    expect(await ownCodeDigest('amd64')).toBe(await ownCodeDigest('amd64'));
    expect(await ownCodeDigest('amd64')).not.toBe(await ownCodeDigest('arm64'));
    expect(await ownCodeDigest('amd64')).toMatch(/^sha256:[0-9a-f]{64}$/);
  });
});
