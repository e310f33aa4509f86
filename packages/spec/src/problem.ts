/** One thing that is wrong in a document, with the place to look at. Never holds the value of a secret field. */
export interface Problem {
  /** The file as the loader was given it; an inherited bowl names its own. */
  file: string;
  /** 1-based. */
  line: number;
  /** 1-based, in UTF-16 units. */
  column: number;
  /** Dotted path, such as `users[0].name`; empty for the document itself. */
  path: string;
  message: string;
  /** The word or path that was probably meant. */
  suggestion?: string;
  severity: 'error' | 'warning';
}

/** One line: `file:line:column  message (did you mean "x"?)`. */
export function formatProblem(problem: Problem): string {
  const place = `${problem.file}:${problem.line}:${problem.column}`;
  const kind = problem.severity === 'warning' ? 'warning: ' : '';
  const cure = problem.suggestion === undefined ? '' : ` (did you mean "${problem.suggestion}"?)`;
  return `${place}  ${kind}${problem.message}${cure}`;
}

/** Plain text for a terminal: one line per problem, in the given order, without a trailing line break. */
export function formatProblems(problems: readonly Problem[]): string {
  return problems.map(formatProblem).join('\n');
}

/** Sorts by file (in order of first appearance of `files`), then line, then column. */
export function sortProblems(problems: readonly Problem[], files: readonly string[]): Problem[] {
  const rank = new Map(files.map((file, index) => [file, index]));
  return problems.toSorted(
    (a, b) =>
      (rank.get(a.file) ?? files.length) - (rank.get(b.file) ?? files.length) || a.line - b.line || a.column - b.column,
  );
}
