import { SpecError } from './error.ts';

const UNITS = { s: 1, m: 60, h: 3600 } as const;

/** How a time span is written: `90s`, `10m`, `1h`. The digits keep it below a day, so that every part of a program can hold it. */
export const DURATION_PATTERN = /^([1-9][0-9]{0,3}s|[1-9][0-9]{0,2}m|([1-9]|1[0-9]|2[0-4])h)$/;

/** Seconds of a time span such as `10m`; anything else throws DURATION_INVALID. */
export function parseDuration(text: string): number {
  const unit = text.at(-1);
  if (DURATION_PATTERN.test(text) && (unit === 's' || unit === 'm' || unit === 'h')) {
    return Number.parseInt(text, 10) * UNITS[unit];
  }
  throw new SpecError({
    code: 'DURATION_INVALID',
    message: `${JSON.stringify(text.slice(0, 40))} is not a time span.`,
    hint: 'Write a whole number and s, m or h, at most 24h, such as "10m".',
  });
}
