const UNITS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  '\u00b5s': 1e-3,
  '\u03bcs': 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

/** Milliseconds of a duration as Go writes it, such as `-1h30m`; undefined when it is none. */
export function parseDuration(text: string): number | undefined {
  const [all, sign, body = ''] =
    /^([+-]?)((?:(?:\d+\.?\d*|\.\d+)(?:ns|us|\u00b5s|\u03bcs|ms|s|m|h))+|0)$/.exec(text) ?? [];
  if (all === undefined) return undefined;
  let total = 0;
  for (const [, number, unit = ''] of body.matchAll(/([\d.]+)([a-z\u00b5\u03bc]+)/g))
    total += Number(number) * (UNITS[unit] ?? 0);
  return sign === '-' ? -total : total;
}

/** Milliseconds as Go prints a duration: `1h0m5s`, `250ms`, `0s`. */
export function formatDuration(milliseconds: number): string {
  const size = Math.abs(milliseconds);
  const sign = milliseconds < 0 ? '-' : '';
  if (size === 0) return '0s';
  if (size < 1000) return `${sign}${size}ms`;
  const seconds = Math.floor(size / 1000);
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor(seconds / 60) % 60;
  const rest = (size - Math.floor(seconds / 60) * 60_000) / 1000;
  const head = hours > 0 ? `${hours}h${minutes}m` : minutes > 0 ? `${minutes}m` : '';
  return `${sign}${head}${rest}s`;
}
