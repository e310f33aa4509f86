import type { BlobStore, Digest } from '@bowline/host';
import type { LockedSource } from '@bowline/spec';
import { describe, expect, it } from 'vitest';
import { ImageError } from '../error.ts';
import { type MadeSource, requestDigest, resolvePlan, type SourcePlan } from './pin.ts';
import type { ResolveContext } from './source.ts';

const digest = (digit: string): Digest => `sha256:${digit.repeat(64)}`;
const made = (digit: string, packages?: Record<string, string>): MadeSource => ({
  layers: [{ diffId: digest(digit), size: 10, origin: 'x' }],
  ...(packages === undefined ? {} : { packages }),
});

const pin: LockedSource = {
  kind: 'debian',
  request: digest('0'),
  origin: 'debian trixie',
  layers: [{ diffId: digest('a'), size: 10 }],
  packages: { bash: '1', old: '1' },
};

function plan(make: SourcePlan['make'], parts: Partial<SourcePlan> = {}): SourcePlan {
  return { kind: 'debian', request: digest('0'), origin: 'debian trixie', local: false, make, ...parts };
}

function context(parts: { stored?: Digest[]; offline?: boolean; update?: boolean; locked?: LockedSource }) {
  const store = { has: async (one: Digest) => parts.stored?.includes(one) ?? false } as BlobStore;
  return {
    store,
    offline: parts.offline ?? false,
    update: parts.update ?? false,
    locked: parts.locked,
    progress: { note: () => undefined },
  } as unknown as ResolveContext;
}

const never = async (): Promise<MadeSource> => {
  throw new Error('must not be made');
};

describe('resolvePlan', () => {
  it('keeps a pin of the same request without making anything when the store has its layers', async () => {
    const resolved = await resolvePlan(plan(never), context({ locked: pin, stored: [digest('a')], offline: true }));
    expect(resolved.lock).toBe(pin);
    expect(resolved.layers).toEqual([{ diffId: digest('a'), size: 10, origin: 'debian trixie' }]);
  });

  it('makes a lost layer again from the pin, and takes it when it is the same', async () => {
    let given: LockedSource | undefined;
    const make: SourcePlan['make'] = async (pinned) => {
      given = pinned;
      return made('a');
    };
    expect((await resolvePlan(plan(make), context({ locked: pin }))).lock).toBe(pin);
    expect(given).toBe(pin);
  });

  it('refuses one that came out different, and says which packages', async () => {
    const make = async () => made('b', { bash: '2', fresh: '1' });
    await expect(resolvePlan(plan(make), context({ locked: pin }))).rejects.toMatchObject({
      code: 'SOURCE_CHANGED',
      message: expect.stringContaining('bash 1 became 2, fresh 1 is new, old 1 is gone'),
      hint: expect.stringContaining('--update'),
    });
  });

  it('explains a version the mirror no longer has', async () => {
    const make = async () => {
      throw new ImageError({ code: 'PACKAGES_FAILED', message: 'bash 1 not found' });
    };
    await expect(resolvePlan(plan(make), context({ locked: pin }))).rejects.toMatchObject({ code: 'SOURCE_CHANGED' });
    await expect(resolvePlan(plan(make), context({}))).rejects.toMatchObject({ code: 'PACKAGES_FAILED' });
  });

  it.each([
    ['another request', { locked: { ...pin, request: digest('9') } }],
    ['--update', { locked: pin, update: true, stored: [digest('a')] }],
  ])('pins anew on %s', async (_, parts) => {
    const resolved = await resolvePlan(
      plan(async () => made('b', { bash: '2' })),
      context(parts),
    );
    expect(resolved.lock).toEqual({
      kind: 'debian',
      request: digest('0'),
      origin: 'debian trixie',
      layers: [{ diffId: digest('b'), size: 10 }],
      packages: { bash: '2' },
    });
  });

  it.each([
    ['is pinned', pin],
    ['is not pinned', undefined],
  ])('offline, names what is missing and how to get it: %s', async (words, locked) => {
    const parts = locked === undefined ? {} : { locked };
    await expect(resolvePlan(plan(never), context({ ...parts, offline: true }))).rejects.toMatchObject({
      code: 'OFFLINE_MISSING',
      message: expect.stringContaining(words),
      hint: expect.stringMatching(/bowline fetch.*bowline store import/s),
    });
  });

  it('makes a local source offline', async () => {
    const resolved = await resolvePlan(
      plan(async () => made('c'), { local: true }),
      context({ offline: true }),
    );
    expect(resolved.lock.layers[0]?.diffId).toBe(digest('c'));
  });
});

describe('requestDigest', () => {
  it('does not depend on the order of keys', () => {
    expect(requestDigest({ a: 1, b: [1, 2] })).toBe(requestDigest({ b: [1, 2], a: 1 }));
    expect(requestDigest({ a: 1, b: [1, 2] })).not.toBe(requestDigest({ a: 1, b: [2, 1] }));
  });
});
