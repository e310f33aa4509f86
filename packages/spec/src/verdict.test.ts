import { describe, expect, it } from 'vitest';
import type { Problem } from './problem.ts';
import { formatVerdict } from './verdict.ts';

const PROBLEM: Problem = { file: 'a', line: 2, column: 1, path: 'x', message: 'unknown key "x"', severity: 'warning' };
const LINE = 'a:2:1  warning: unknown key "x"';

describe('formatVerdict', () => {
  it.each([
    ['nothing is wrong', { valid: true, problems: [] }, 'a: valid'],
    ['one warning', { valid: true, problems: [PROBLEM] }, `a: valid, 1 warning\n${LINE}`],
    ['two warnings', { valid: true, problems: [PROBLEM, PROBLEM] }, `a: valid, 2 warnings\n${LINE}\n${LINE}`],
    ['an error', { valid: false, problems: [{ ...PROBLEM, severity: 'error' }] }, 'a:2:1  unknown key "x"'],
    [
      'a key without effect yet',
      { valid: true, problems: [], notApplied: [{ key: 'k3s', reason: 'later' }] },
      'a: valid\na: k3s is right but not applied: later',
    ],
  ] as const)('%s', (_what, verdict, text) => {
    expect(formatVerdict({ file: 'a', ...verdict })).toBe(text);
  });
});
