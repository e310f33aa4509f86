/**
 * Compares versions of one bowl: negative when `a` is older, positive when it is newer, 0 when neither is.
 *
 * A leading `v` and what follows `+` count for nothing. The parts between dots, dashes and underscores are compared from the
 * left: numbers by value, a number after a word, words by their letters. Where one version ends, it is older when the other
 * goes on with a number (1.2 < 1.2.1, 2026.11 < 2026.11-2) and newer when it goes on with a word (1.2-rc1 < 1.2), because
 * words announce a version: alpha, beta, rc. Missing numbers are zeros: 1.2 is 1.2.0.
 */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [partsOf(a), partsOf(b)];
  for (let index = 0; index < Math.max(left.length, right.length); index += 1) {
    const order = compareParts(left[index], right[index]);
    if (order !== 0) return order;
  }
  return 0;
}

type Part = bigint | string;

function partsOf(version: string): Part[] {
  const [core = ''] = version
    .trim()
    .replace(/^v(?=\d)/i, '')
    .split('+');
  const pieces = core.match(/\d+|[^\d.\-_~]+/g) ?? [];
  return pieces.map((piece) => (/^\d/.test(piece) ? BigInt(piece) : piece.toLowerCase()));
}

function compareParts(a: Part | undefined, b: Part | undefined): number {
  if (a === undefined) return b === undefined ? 0 : -compareParts(b, a);
  if (b === undefined) return typeof a === 'string' ? -1 : Number(a > 0n);
  if (typeof a !== typeof b) return typeof a === 'bigint' ? 1 : -1;
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
