import type { GoTime } from './go-time.ts';

/** The parts of a moment on the clock of its zone. */
export interface CivilTime {
  year: number;
  /** 1 to 12. */
  month: number;
  day: number;
  hour: number;
  minute: number;
  second: number;
  nanosecond: number;
  /** 0 is Sunday. */
  weekday: number;
  /** Seconds east of UTC. */
  offset: number;
  /** `UTC`, `CET`, or `+0530` where the zone has no abbreviation. */
  abbreviation: string;
}

/** A moment on the clock of its zone; the zone has been checked with `isKnownZone`. */
export function civilTime(time: GoTime): CivilTime {
  const { offset, abbreviation } = zoneAt(time.epochMs, time.zone);
  const shifted = new Date(time.epochMs + offset * 1000);
  return {
    year: shifted.getUTCFullYear(),
    month: shifted.getUTCMonth() + 1,
    day: shifted.getUTCDate(),
    hour: shifted.getUTCHours(),
    minute: shifted.getUTCMinutes(),
    second: shifted.getUTCSeconds(),
    nanosecond: shifted.getUTCMilliseconds() * 1_000_000,
    weekday: shifted.getUTCDay(),
    offset,
    abbreviation,
  };
}

/** Whether times can be shown in this zone. */
export function isKnownZone(zone: string): boolean {
  if (zone === 'Local' || zone === '' || zone === 'UTC' || /^[+-]\d\d:\d\d$/.test(zone)) return true;
  try {
    return Intl.DateTimeFormat('en-US', { timeZone: zone }) !== undefined;
  } catch {
    return false;
  }
}

/** `2006-01-02 15:04:05 -0700 MST`, as Go prints a time. */
export function printTime(time: GoTime): string {
  const at = civilTime(time);
  const fraction = at.nanosecond === 0 ? '' : `.${String(at.nanosecond).padStart(9, '0').replace(/0+$/, '')}`;
  const date = `${String(at.year).padStart(4, '0')}-${two(at.month)}-${two(at.day)}`;
  return `${date} ${two(at.hour)}:${two(at.minute)}:${two(at.second)}${fraction} ${zoneDigits(at.offset)} ${at.abbreviation}`;
}

/** `+0100`, or `+01:00` with a colon. */
export function zoneDigits(offset: number, colon = ''): string {
  const minutes = Math.floor(Math.abs(offset) / 60);
  return `${offset < 0 ? '-' : '+'}${two(Math.floor(minutes / 60))}${colon}${two(minutes % 60)}`;
}

function zoneAt(epochMs: number, zone: string): { offset: number; abbreviation: string } {
  if (zone === 'UTC' || zone === '') return { offset: 0, abbreviation: 'UTC' };
  const [, sign, hours, minutes] = /^([+-])(\d\d):(\d\d)$/.exec(zone) ?? [];
  if (sign !== undefined) {
    const offset = (Number(hours) * 3600 + Number(minutes) * 60) * (sign === '-' ? -1 : 1);
    return { offset, abbreviation: zoneDigits(offset) };
  }
  const timeZone = zone === 'Local' ? {} : { timeZone: zone };
  const numeric = zoneName(epochMs, timeZone, 'longOffset');
  const [, direction, hour = '0', minute = '0', second = '0'] = /GMT([+-])(\d+):(\d+)(?::(\d+))?/.exec(numeric) ?? [];
  const seconds = Number(hour) * 3600 + Number(minute) * 60 + Number(second);
  const offset = direction === '-' ? -seconds : seconds;
  const short = zoneName(epochMs, timeZone, 'short');
  return { offset, abbreviation: /^GMT[+-]/.test(short) ? zoneDigits(offset) : short };
}

function zoneName(epochMs: number, timeZone: { timeZone?: string }, style: 'longOffset' | 'short'): string {
  const format = Intl.DateTimeFormat('en-US', { ...timeZone, timeZoneName: style });
  return format.formatToParts(epochMs).find((part) => part.type === 'timeZoneName')?.value ?? 'UTC';
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}
