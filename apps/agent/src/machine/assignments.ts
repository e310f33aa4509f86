/**
 * Assignments of os-release(5) and of shell, one a line: `KEY=value`, `KEY="value"`, `KEY='it'\''s'`. Nothing is expanded;
 * lines that are none are left out.
 */
export function parseAssignments(text: string): Map<string, string> {
  const assignments = new Map<string, string>();
  for (const line of text.split('\n')) {
    const [, key, value] = /^\s*([A-Za-z_][A-Za-z0-9_]*)=(.*)$/.exec(line) ?? [];
    if (key !== undefined && value !== undefined) assignments.set(key, unquote(value.trim()));
  }
  return assignments;
}

function unquote(value: string): string {
  const pieces = value.matchAll(/'([^']*)'|"((?:[^"\\]|\\.)*)"|\\(.)|([^'"\\]+)/g);
  return [...pieces]
    .map(([, single, double, escaped, plain]) => single ?? double?.replaceAll(/\\(["\\$`])/g, '$1') ?? escaped ?? plain)
    .join('');
}
