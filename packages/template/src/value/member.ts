import { GoTime } from './go-time.ts';
import { civilTime } from './go-time-text.ts';
import { printValue } from './print.ts';
import { SemanticVersion } from './semantic-version.ts';
import type { Value } from './value.ts';

const VERSION_MEMBERS: Readonly<Record<string, (version: SemanticVersion) => Value>> = {
  Major: ({ major }) => major,
  Minor: ({ minor }) => minor,
  Patch: ({ patch }) => patch,
  Prerelease: ({ prerelease }) => prerelease,
  Metadata: ({ metadata }) => metadata,
  Original: ({ original }) => original,
  String: (version) => String(version),
};

const TIME_MEMBERS: Readonly<Record<string, (time: GoTime) => Value>> = {
  Year: (time) => BigInt(civilTime(time).year),
  Day: (time) => BigInt(civilTime(time).day),
  Hour: (time) => BigInt(civilTime(time).hour),
  Minute: (time) => BigInt(civilTime(time).minute),
  Second: (time) => BigInt(civilTime(time).second),
  Unix: (time) => BigInt(Math.floor(time.epochMs / 1000)),
  UnixMilli: (time) => BigInt(time.epochMs),
  UTC: (time) => new GoTime(time.epochMs, 'UTC'),
  String: (time) => printValue(time),
};

/** A method without arguments of a time or a version; undefined when there is none of this name. */
export function memberOf(receiver: Value, name: string): Value {
  if (receiver instanceof SemanticVersion && Object.hasOwn(VERSION_MEMBERS, name))
    return VERSION_MEMBERS[name]?.(receiver);
  if (receiver instanceof GoTime && Object.hasOwn(TIME_MEMBERS, name)) return TIME_MEMBERS[name]?.(receiver);
  return undefined;
}
