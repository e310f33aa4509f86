import * as fc from 'fast-check';
import { RE2JS } from 're2js';
import { describe, expect, it } from 'vitest';
import { findRe2Fault } from './re2-syntax.ts';

const re2Takes = (pattern: string): boolean => {
  try {
    RE2JS.compile(pattern);
    return true;
  } catch {
    return false;
  }
};

describe('findRe2Fault', () => {
  it.each([
    '',
    'debian|ubuntu',
    '^(Ubuntu.*|Debian.*)$',
    '[Oo]penSUSE.*',
    'Red.*Hat.*|SLES',
    '^1[23](\\.\\d+)?$',
    '(?i)alpine',
    '(?:a|b){2,3}?',
    '(?P<name>a)(?<other>b)',
    '[[:alpha:]\\-\\]]+',
    '[]a]',
    '\\Qa(b\\E',
    '\\pN\\p{Greek}\\x41\\x{1F600}',
    'a{,2}',
    'a{x}',
    '\\101',
    'x*?',
  ])('takes %s', (pattern) => {
    expect([findRe2Fault(pattern), re2Takes(pattern)]).toEqual([undefined, true]);
  });

  it.each([
    ['^(?!Alpine).*', 'looks ahead or behind'],
    ['(?<=a)b', 'looks ahead or behind'],
    ['(?=a)', 'looks ahead or behind'],
    ['(a)\\1', 'refers back'],
    ['(?>a)', 'does not know'],
    ['(a', 'not closed'],
    ['a)', 'has no ('],
    ['[a', 'not closed'],
    ['*', 'nothing to repeat'],
    ['a**', 'repeats a repetition'],
    ['a|*', 'nothing to repeat'],
    ['a{1001}', 'count of repetitions'],
    ['a{3,2}', 'count of repetitions'],
    ['a\\', 'single \\'],
    ['\\y', 'escape'],
  ])('refuses %s', (pattern, reason) => {
    expect(findRe2Fault(pattern)).toContain(reason);
    expect(re2Takes(pattern)).toBe(false);
  });

  it('agrees with a real RE2', () => {
    const part = fc.constantFrom(
      'a',
      'b',
      '(',
      ')',
      '(?:',
      '(?i)',
      '|',
      '*',
      '+?',
      '?',
      '{2}',
      '{3,',
      '.',
      '^',
      '$',
      '[ab]',
      '[^\\d]',
      '\\w',
      '\\.',
      '\\1',
      '\\E',
      '\\C',
      '\\z',
      '\\Qa',
      '[',
      ']',
      '-',
      '(?=',
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 8 }), (parts) => {
        const pattern = parts.join('');
        expect(findRe2Fault(pattern) === undefined, pattern).toBe(re2Takes(pattern));
      }),
      { numRuns: 2000 },
    );
  });
});
