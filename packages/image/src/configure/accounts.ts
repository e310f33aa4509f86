/** passwd(5), group(5) and shadow(5) as tables: lines that are not understood are kept as they are. */

const NEVER_EXPIRES = 99_999;

/** One account file: its lines, split at colons. */
export interface AccountTable {
  rows: string[][];
}

/** Splits an account file; comments and blank lines stay rows of one field. */
export function parseAccounts(text: string): AccountTable {
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  return { rows: lines.map((line) => line.split(':')) };
}

/** The file again, one row a line. */
export function formatAccounts(table: AccountTable): string {
  return table.rows.map((row) => `${row.join(':')}\n`).join('');
}

/** Row of a name, or undefined. */
export function findAccount(table: AccountTable, name: string): string[] | undefined {
  return table.rows.find((row) => row[0] === name && row.length > 1);
}

/** Replaces the row of the same name, or adds one at the end. */
export function putAccount(table: AccountTable, row: string[]): void {
  const at = table.rows.findIndex((old) => old[0] === row[0] && old.length > 1);
  if (at === -1) table.rows.push(row);
  else table.rows[at] = row;
}

/** Numbers in use in the third field (uid of passwd, gid of group). */
export function usedIds(table: AccountTable): Set<number> {
  return new Set(table.rows.map((row) => Number(row[2])).filter((id) => Number.isInteger(id)));
}

/** First free id from `from` upward (or downward), as useradd and groupadd --system choose them. */
export function freeId(taken: ReadonlySet<number>, from: number, step: 1 | -1): number {
  let id = from;
  while (taken.has(id)) id += step;
  return id;
}

/** A shadow(5) row; `lastChangeDays` counts days since the epoch and comes from the image, never the clock. */
export function shadowRow(name: string, hash: string, lastChangeDays: number): string[] {
  return [name, hash, String(lastChangeDays), '0', String(NEVER_EXPIRES), '7', '', '', ''];
}
