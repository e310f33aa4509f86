import { SpecError } from './error.ts';

const UNITS = { MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 } as const;

/** How a size is written. At most 999 TiB, so that bytes stay exact in a double. */
export const SIZE_PATTERN = /^([1-9][0-9]{0,6} ?MiB|[1-9][0-9]{0,5} ?GiB|[1-9][0-9]{0,2} ?TiB)$/;

/** Bytes of a size such as `4 GiB` or `512MiB`; anything else throws SIZE_INVALID. */
export function parseSize(text: string): number {
  const unit = text.slice(-3);
  if (!SIZE_PATTERN.test(text) || !(unit === 'MiB' || unit === 'GiB' || unit === 'TiB')) {
    throw new SpecError({
      code: 'SIZE_INVALID',
      message: `${JSON.stringify(text.slice(0, 40))} is not a size.`,
      hint: 'Write a whole number and MiB, GiB or TiB, such as "4 GiB".',
    });
  }
  return Number.parseInt(text, 10) * UNITS[unit];
}

/** Bytes for people, in binary units with at most one digit after the point: `1.5 GiB`. Negative or fractional: TypeError. */
export function formatBytes(bytes: number): string {
  if (!Number.isSafeInteger(bytes) || bytes < 0) throw new TypeError(`not a number of bytes: ${bytes}`);
  const names = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
  let value = bytes;
  let unit = 0;
  // 1023.95 would print as 1024.0, so the step comes a little early.
  while (value >= 1023.95 && unit < names.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const rounded = unit === 0 ? String(value) : value.toFixed(1).replace(/\.0$/, '');
  return `${rounded} ${names[unit]}`;
}
