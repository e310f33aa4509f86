import { parseVersion, satisfies } from '../value/version-constraint.ts';
import { FunctionFailure, type FunctionTable, fn } from './function.ts';

/** Semantic versions. */
export const VERSION_FUNCTIONS: FunctionTable = {
  semver: fn(['string'], (_context, text) => version(text)),
  semverCompare: fn(['string', 'string'], (_context, constraint, text) => {
    const result = satisfies(version(text), constraint);
    if (result === undefined) throw new FunctionFailure('the constraint is not one of semantic versions');
    return result;
  }),
};

function version(text: string) {
  const parsed = parseVersion(text);
  if (parsed === undefined) throw new FunctionFailure('the text is not a semantic version');
  return parsed;
}
