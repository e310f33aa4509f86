import type { NotAppliedKey } from './machine/not-applied.ts';
import { formatProblems, type Problem } from './problem.ts';

/** What checking one document found. */
export interface Verdict {
  /** As people named it. */
  file: string;
  /** False when it cannot be used as it is. */
  valid: boolean;
  problems: readonly Problem[];
  /** Keys that are right and do nothing yet. */
  notApplied?: readonly NotAppliedKey[];
}

/**
 * Text for a terminal: whether the file is valid and how many warnings follow, one line per problem, one per key that
 * nothing applies yet. Without a trailing line break.
 */
export function formatVerdict({ file, valid, problems, notApplied = [] }: Verdict): string {
  const count = problems.length === 0 ? '' : `, ${problems.length} ${problems.length === 1 ? 'warning' : 'warnings'}`;
  const notes = notApplied.map(({ key, reason }) => `${file}: ${key} is right but not applied: ${reason}`);
  return [valid ? `${file}: valid${count}` : '', formatProblems(problems), ...notes].filter(Boolean).join('\n');
}
