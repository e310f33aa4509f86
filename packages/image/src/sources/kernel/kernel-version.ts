/**
 * Orders kernel versions, the newest first: runs of digits count as numbers, everything else as text; `6.1` is older than `6.1.1`,
 * and a release candidate is older than its release.
 */
export function newestFirst(a: string, b: string): number {
  const [left, right] = [split(b), split(a)];
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const [x, y] = [left[i] ?? '', right[i] ?? ''];
    if (x === y) continue;
    if (x.startsWith('rc') || y.startsWith('rc')) {
      if (x.startsWith('rc') !== y.startsWith('rc')) return x.startsWith('rc') ? -1 : 1;
    }
    const [m, n] = [Number(x || '-1'), Number(y || '-1')];
    if (!Number.isNaN(m) && !Number.isNaN(n)) return m - n;
    return x < y ? -1 : 1;
  }
  return 0;
}

function split(version: string): string[] {
  return version.match(/\d+|[a-z]+/gi) ?? [];
}
