import { BowlineError } from '@bowline/errors';
import { formatProblem, type Problem } from './problem.ts';

/** Everything that can be wrong with a document. */
export type SpecErrorCode =
  | 'BOWL_INVALID'
  | 'LOCK_INVALID'
  | 'MANIFEST_INVALID'
  | 'RELEASE_INVALID'
  | 'LIFECYCLE_INVALID'
  | 'SIZE_INVALID'
  | 'DURATION_INVALID'
  | 'NOT_CANONICAL';

/** A document that cannot be used. */
export class SpecError extends BowlineError<SpecErrorCode> {}

/**
 * Wraps the problems of a bowl in one error (BOWL_INVALID), for callers that throw; all problems are in `details.problems`.
 * Problems never hold values of secret fields, so the error may be printed.
 */
export function bowlError(problems: readonly Problem[]): SpecError {
  const errors = problems.filter((problem) => problem.severity === 'error');
  const [first] = errors;
  if (!first) throw new TypeError('bowlError needs at least one problem of severity error');
  const more = errors.length - 1;
  return new SpecError({
    code: 'BOWL_INVALID',
    message: more === 0 ? formatProblem(first) : `${formatProblem(first)} (and ${more} more)`,
    hint: 'Correct the bowl; docs/reference/bowl.md lists every key.',
    details: { problems },
  });
}
