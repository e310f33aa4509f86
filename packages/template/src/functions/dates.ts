import { formatTime, parseTime } from '../value/date-layout.ts';
import { formatDuration, parseDuration } from '../value/duration.ts';
import { GoTime } from '../value/go-time.ts';
import { isKnownZone } from '../value/go-time-text.ts';
import type { Value } from '../value/value.ts';
import { type FunctionContext, FunctionFailure, type FunctionTable, fn } from './function.ts';

const HOUR = 3_600_000;
const HTML_DATE = '2006-01-02';
/** Go's zero time: what a text that is no date becomes. */
const ZERO = new GoTime(-62_135_596_800_000, 'UTC');

const dateInZone = fn(['string', 'any', 'string'], (context, layout, date, zone) => show(context, layout, date, zone));
const modify = fn(['string', 'time'], (_context, text, time) => {
  const change = parseDuration(text);
  return change === undefined ? time : new GoTime(time.epochMs + change, time.zone);
});
const mustModify = fn(['string', 'time'], (_context, text, time) => {
  const change = parseDuration(text);
  if (change === undefined) throw new FunctionFailure('the text is not a duration such as 1h30m');
  return new GoTime(time.epochMs + change, time.zone);
});

/** Dates and durations; layouts are Go's, written with the moment `2006-01-02 15:04:05`. */
export const DATE_FUNCTIONS: FunctionTable = {
  now: fn([], (context) => new GoTime(context.host.now().getTime())),
  date: fn(['string', 'any'], (context, layout, date) => show(context, layout, date, 'Local')),
  dateInZone,
  date_in_zone: dateInZone,
  htmlDate: fn(['any'], (context, date) => show(context, HTML_DATE, date, 'Local')),
  htmlDateInZone: fn(['any', 'string'], (context, date, zone) => show(context, HTML_DATE, date, zone)),
  dateModify: modify,
  date_modify: modify,
  mustDateModify: mustModify,
  must_date_modify: mustModify,
  toDate: fn(['string', 'string'], (_context, layout, text) => parseTime(layout, text) ?? ZERO),
  mustToDate: fn(['string', 'string'], (_context, layout, text) => {
    const time = parseTime(layout, text);
    if (time === undefined) throw new FunctionFailure('the text is not a date of this layout');
    return time;
  }),
  unixEpoch: fn(['time'], (_context, time) => String(Math.floor(time.epochMs / 1000))),
  ago: fn(['any'], (context, date) => {
    const passed = context.host.now().getTime() - momentOf(context, date).epochMs;
    return formatDuration(Math.round(passed / 1000) * 1000);
  }),
  duration: fn(['any'], (_context, seconds) => formatDuration(secondsOf(seconds) * 1000)),
  durationRound: fn(['any'], (context, duration) => roundDuration(context, duration)),
};

function show(context: FunctionContext, layout: string, date: Value, zone: string): string {
  // Looking a zone up takes as long as many other things.
  context.budget.step(100);
  const time = new GoTime(momentOf(context, date).epochMs, isKnownZone(zone) ? zone : 'UTC');
  return formatTime(layout, time);
}

/** A time, or seconds since 1970; anything else is now. */
function momentOf(context: FunctionContext, date: Value): GoTime {
  if (date instanceof GoTime) return date;
  const seconds = typeof date === 'bigint' ? Number(date) : Number.NaN;
  return new GoTime(Math.abs(seconds) < 8.64e12 ? seconds * 1000 : context.host.now().getTime());
}

function secondsOf(value: Value): number {
  if (typeof value === 'bigint') return Number(value);
  return typeof value === 'string' && /^[+-]?\d{1,12}$/.test(value) ? Number(value) : 0;
}

function roundDuration(context: FunctionContext, duration: Value): string {
  let passed = 0;
  if (typeof duration === 'string') passed = parseDuration(duration) ?? 0;
  if (typeof duration === 'bigint') passed = Number(duration) / 1_000_000;
  if (duration instanceof GoTime) passed = context.host.now().getTime() - duration.epochMs;
  const size = Math.abs(passed);
  const units: [number, string][] = [
    [365 * 24 * HOUR, 'y'],
    [30 * 24 * HOUR, 'mo'],
    [24 * HOUR, 'd'],
    [HOUR, 'h'],
    [60_000, 'm'],
    [1000, 's'],
  ];
  const [unit, name] = units.find(([length]) => size > length) ?? [1000, 's'];
  return `${size > 1000 ? Math.floor(size / unit) : 0}${name}`;
}
