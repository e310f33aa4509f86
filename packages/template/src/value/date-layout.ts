import { GoTime } from './go-time.ts';
import { type CivilTime, civilTime, zoneDigits } from './go-time-text.ts';

const MONTHS = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
];
const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];

/** What layouts are made of, longest first where one is the start of another. */
const ELEMENT =
  /January|Jan(?![a-z])|Monday|Mon(?![a-z])|MST|2006|-07:00:00|-070000|-07:00|-0700|-07|Z07:00:00|Z070000|Z07:00|Z0700|Z07|002|__2|[.,]0+(?!\d)|[.,]9+(?!\d)|01|02|03|04|05|06|_2(?!006)|15|PM|pm|1|2|3|4|5/g;

/** A time as text in a layout of Go. */
export function formatTime(layout: string, time: GoTime): string {
  const at = civilTime(time);
  return layout.replaceAll(ELEMENT, (element) => show(element, at));
}

function show(element: string, at: CivilTime): string {
  const simple = FORMATS[element];
  if (simple !== undefined) return simple(at);
  if (element.startsWith('-') || element.startsWith('Z')) return showZone(element, at.offset);
  const digits = String(at.nanosecond)
    .padStart(9, '0')
    .slice(0, element.length - 1);
  if (element[1] === '0') return `${element[0]}${digits.padEnd(element.length - 1, '0')}`;
  const trimmed = digits.replace(/0+$/, '');
  return trimmed === '' ? '' : `${element[0]}${trimmed}`;
}

const FORMATS: Readonly<Record<string, (at: CivilTime) => string>> = {
  January: (at) => MONTHS[at.month - 1] ?? '',
  Jan: (at) => (MONTHS[at.month - 1] ?? '').slice(0, 3),
  '01': (at) => two(at.month),
  '1': (at) => String(at.month),
  Monday: (at) => DAYS[at.weekday] ?? '',
  Mon: (at) => (DAYS[at.weekday] ?? '').slice(0, 3),
  '02': (at) => two(at.day),
  _2: (at) => String(at.day).padStart(2, ' '),
  '2': (at) => String(at.day),
  '002': (at) => String(dayOfYear(at)).padStart(3, '0'),
  __2: (at) => String(dayOfYear(at)).padStart(3, ' '),
  '15': (at) => two(at.hour),
  '03': (at) => two(at.hour % 12 || 12),
  '3': (at) => String(at.hour % 12 || 12),
  '04': (at) => two(at.minute),
  '4': (at) => String(at.minute),
  '05': (at) => two(at.second),
  '5': (at) => String(at.second),
  '2006': (at) => String(at.year).padStart(4, '0'),
  '06': (at) => two(at.year % 100),
  PM: (at) => (at.hour < 12 ? 'AM' : 'PM'),
  pm: (at) => (at.hour < 12 ? 'am' : 'pm'),
  MST: (at) => at.abbreviation,
};

function showZone(element: string, offset: number): string {
  if (element.startsWith('Z') && offset === 0) return 'Z';
  const text = zoneDigits(offset, element.includes(':') ? ':' : '');
  return element.length === 3 ? text.slice(0, 3) : text;
}

/** Patterns of elements that can be read back. */
const PATTERNS: Readonly<Record<string, string>> = {
  January: `(?<monthName>${MONTHS.join('|')})`,
  Jan: `(?<monthName>${MONTHS.map((name) => name.slice(0, 3)).join('|')})`,
  '01': '(?<month>\\d\\d)',
  '1': '(?<month>\\d\\d?)',
  Monday: `(?:${DAYS.join('|')})`,
  Mon: `(?:${DAYS.map((name) => name.slice(0, 3)).join('|')})`,
  '02': '(?<day>\\d\\d)',
  _2: ' ?(?<day>\\d\\d?)',
  '2': '(?<day>\\d\\d?)',
  '15': '(?<hour>\\d\\d)',
  '03': '(?<hour>\\d\\d)',
  '3': '(?<hour>\\d\\d?)',
  '04': '(?<minute>\\d\\d)',
  '4': '(?<minute>\\d\\d?)',
  '05': '(?<second>\\d\\d)(?<fraction>[.,]\\d+)?',
  '5': '(?<second>\\d\\d?)(?<fraction>[.,]\\d+)?',
  '2006': '(?<year>\\d{4})',
  '06': '(?<shortYear>\\d\\d)',
  PM: '(?<half>AM|PM)',
  pm: '(?<half>am|pm)',
  MST: '(?<zoneName>UTC|GMT|[A-Z]{3,5})',
};

/** A text of this layout as a time; without a zone it is local. Undefined when it does not fit. */
export function parseTime(layout: string, text: string): GoTime | undefined {
  const match = patternOf(layout)?.exec(text);
  const parts = match?.groups;
  if (parts === undefined) return undefined;
  const number = (name: string, fallback: number) => (parts[name] === undefined ? fallback : Number(parts[name]));
  const month = parts['monthName'] === undefined ? number('month', 1) : monthOf(parts['monthName']);
  const short = number('shortYear', Number.NaN);
  const year = Number.isNaN(short) ? number('year', 0) : short + (short >= 69 ? 1900 : 2000);
  const day = number('day', 1);
  const hour = hourOf(number('hour', 0), parts['half']);
  const [minute, second] = [number('minute', 0), number('second', 0)];
  if (month < 1 || month > 12 || hour > 23 || minute > 59 || second > 59) return undefined;
  if (day < 1 || day > new Date(Date.UTC(2000 + (year % 400), month, 0)).getUTCDate()) return undefined;
  const moment = new Date(Date.UTC(2000, month - 1, day, hour, minute, second));
  moment.setUTCFullYear(year, month - 1, day);
  const fraction = Math.floor(Number(`0${(parts['fraction'] ?? '.0').replace(',', '.')}`) * 1000);
  return inZone(moment.getTime() + fraction, parts);
}

function inZone(wallMs: number, parts: Record<string, string | undefined>): GoTime {
  const zone = parts['zone'];
  if (zone === 'Z' || parts['zoneName'] === 'UTC') return new GoTime(wallMs, 'UTC');
  const [, sign, hours = '0', minutes = '0'] = /^([+-])(\d\d):?(\d\d)?/.exec(zone ?? '') ?? [];
  if (sign === undefined) return new GoTime(wallMs - civilTime(new GoTime(wallMs)).offset * 1000);
  const offset = (Number(hours) * 3600 + Number(minutes) * 60) * (sign === '-' ? -1 : 1);
  return new GoTime(wallMs - offset * 1000, `${sign}${hours}:${minutes.padStart(2, '0')}`);
}

function patternOf(layout: string): RegExp | undefined {
  const seen = new Set<string>();
  let pattern = '';
  let at = 0;
  for (const match of layout.matchAll(ELEMENT)) {
    pattern += RegExp.escape(layout.slice(at, match.index));
    at = match.index + match[0].length;
    const piece = PATTERNS[match[0]] ?? otherPattern(match[0]);
    const name = /\?<(\w+)>/.exec(piece)?.[1];
    if (name !== undefined && seen.has(name)) return undefined;
    if (name !== undefined) seen.add(name);
    pattern += piece;
  }
  return new RegExp(`^${pattern}${RegExp.escape(layout.slice(at))}$`);
}

function otherPattern(element: string): string {
  if (element.startsWith('-')) return element.includes(':') ? '(?<zone>[+-]\\d\\d:\\d\\d)' : '(?<zone>[+-]\\d{2,4})';
  if (element.startsWith('Z'))
    return element.includes(':') ? '(?<zone>Z|[+-]\\d\\d:\\d\\d)' : '(?<zone>Z|[+-]\\d{2,4})';
  // The fraction of a second is read with the second.
  return /^[.,]/.test(element) ? '' : '\\s*\\d{1,3}';
}

function monthOf(name: string): number {
  return MONTHS.findIndex((month) => month.startsWith(name)) + 1;
}

function hourOf(hour: number, half: string | undefined): number {
  if (half === undefined) return hour;
  return (hour % 12) + (half.toLowerCase() === 'pm' ? 12 : 0);
}

function dayOfYear(at: CivilTime): number {
  return (
    Math.round(
      (Date.UTC(2000 + (at.year % 400), at.month - 1, at.day) - Date.UTC(2000 + (at.year % 400), 0, 1)) / 86_400_000,
    ) + 1
  );
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}
