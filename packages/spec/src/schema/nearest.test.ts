import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { editDistance, foldWord, nearestWord } from './nearest.ts';

describe('nearestWord', () => {
  const words = ['packages', 'kernelArguments', 'users', 'files', 'arch'];
  it.each([
    ['pakages', 'packages'],
    ['pacakges', 'packages'],
    ['kernel_arguments', 'kernelArguments'],
    ['KERNEL-ARGUMENTS', 'kernelArguments'],
    ['user', 'users'],
    ['acrh', 'arch'],
  ])('%s means %s', (word, meant) => {
    expect(nearestWord(word, words)).toBe(meant);
  });

  it.each(['x', '', 'network', 'u', 'x'.repeat(100_000)])('nothing is near %.20s', (word) => {
    expect(nearestWord(word, words)).toBeUndefined();
  });
});

describe('editDistance', () => {
  it('is a distance: zero only for equal words, symmetric, at most the longer length', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 12 }), fc.string({ maxLength: 12 }), (a, b) => {
        const distance = editDistance(a, b);
        expect(distance === 0).toBe(a === b);
        expect(distance).toBe(editDistance(b, a));
        expect(distance).toBeLessThanOrEqual(Math.max(a.length, b.length));
        expect(distance).toBeGreaterThanOrEqual(Math.abs(a.length - b.length));
      }),
    );
  });

  it('counts a swap of neighbours once', () => {
    expect(editDistance('ab', 'ba')).toBe(1);
    expect(editDistance('kitten', 'sitting')).toBe(3);
  });
});

describe('foldWord', () => {
  it('ignores case and separators', () => {
    expect(foldWord('ssh_Authorized-Keys')).toBe('sshauthorizedkeys');
  });
});
