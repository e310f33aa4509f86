import { describe, expect, it } from 'vitest';
import { parseDuration } from './duration.ts';

describe('parseDuration', () => {
  it.each([
    ['1s', 1],
    ['90s', 90],
    ['10m', 600],
    ['24h', 86_400],
    ['999m', 59_940],
    ['9999s', 9999],
  ])('%s is %d seconds', (text, seconds) => {
    expect(parseDuration(text)).toBe(seconds);
  });

  it.each(['', '10', '0s', '-1m', '1.5h', '1d', '10 m', '01m', '25h', '1000m', '10000s', `${'9'.repeat(50)}s`])(
    'refuses %j',
    (text) => {
      expect(() => parseDuration(text)).toThrow(expect.objectContaining({ code: 'DURATION_INVALID' }));
    },
  );
});
