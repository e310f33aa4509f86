import { describe, expect, it } from 'vitest';
import { bowlError } from './error.ts';
import { formatProblems, type Problem, sortProblems } from './problem.ts';

const at = (file: string, line: number, column: number, more: Partial<Problem> = {}): Problem => ({
  file,
  line,
  column,
  path: 'a',
  message: 'is wrong',
  severity: 'error',
  ...more,
});

describe('problems', () => {
  it('are one line each, as editors and terminals understand them', () => {
    const problems = [at('b.yaml', 3, 5, { suggestion: 'trixie' }), at('b.yaml', 4, 1, { severity: 'warning' })];
    expect(formatProblems(problems)).toBe(
      'b.yaml:3:5  is wrong (did you mean "trixie"?)\nb.yaml:4:1  warning: is wrong',
    );
  });

  it('are sorted by file in the order of reading, then by place', () => {
    const problems = [at('p', 1, 1), at('b', 2, 3), at('b', 2, 1), at('b', 1, 9)];
    expect(sortProblems(problems, ['b', 'p']).map((p) => `${p.file}${p.line}${p.column}`)).toEqual([
      'b19',
      'b21',
      'b23',
      'p11',
    ]);
  });

  it('make one error that carries them all', () => {
    const problems = [at('w', 1, 1, { severity: 'warning' }), at('a', 1, 1), at('b', 1, 1)];
    expect(bowlError(problems)).toMatchObject({
      code: 'BOWL_INVALID',
      message: 'a:1:1  is wrong (and 1 more)',
      details: { problems },
    });
    expect(() => bowlError([])).toThrow(TypeError);
  });
});
