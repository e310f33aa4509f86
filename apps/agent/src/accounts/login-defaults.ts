import { readFile } from 'node:fs/promises';
import type { Machine } from '../machine/machine.ts';

/** An inclusive range of ids. */
export interface IdRange {
  first: number;
  last: number;
}

/** What the system gives new accounts: login.defs(5) and `/etc/default/useradd`, with the defaults of shadow-utils. */
export interface LoginDefaults {
  users: IdRange;
  systemUsers: IdRange;
  groups: IdRange;
  systemGroups: IdRange;
  subUids: IdRange & { count: number };
  subGids: IdRange & { count: number };
  /** Mode of new home folders. */
  homeMode: number;
  /** Fields of shadow(5) for new users; empty means that the feature is off. */
  aging: { minimum: string; maximum: string; warning: string; inactive: string; expires: string };
  /** Folder of the home folders. */
  homeFolder: string;
  shell: string;
  skeleton: string;
  /** Primary group, name or number, of users without a group of their own. */
  group: string;
}

/** Reads the defaults for new accounts. Missing files and values that make no sense count as not given. */
export async function readLoginDefaults(machine: Machine): Promise<LoginDefaults> {
  const defs = words(await text(machine, '/etc/login.defs'));
  const useradd = assignments(await text(machine, '/etc/default/useradd'));
  const number = (key: string, fallback: number) => integer(defs.get(key)) ?? fallback;
  const range = (kind: 'UID' | 'GID') => ({ first: number(`${kind}_MIN`, 1000), last: number(`${kind}_MAX`, 60_000) });
  const system = (kind: 'UID' | 'GID') => ({
    first: number(`SYS_${kind}_MIN`, 101),
    last: number(`SYS_${kind}_MAX`, number(`${kind}_MIN`, 1000) - 1),
  });
  const subordinate = (kind: 'UID' | 'GID') => ({
    first: number(`SUB_${kind}_MIN`, 100_000),
    last: number(`SUB_${kind}_MAX`, 600_100_000),
    count: number(`SUB_${kind}_COUNT`, 65_536),
  });
  const umask = integer(defs.get('UMASK'), 8);
  const homeMode = integer(defs.get('HOME_MODE'), 8) ?? (umask === undefined ? 0o700 : 0o777 & ~umask);
  return {
    users: range('UID'),
    systemUsers: system('UID'),
    groups: range('GID'),
    systemGroups: system('GID'),
    subUids: subordinate('UID'),
    subGids: subordinate('GID'),
    homeMode: homeMode & 0o777,
    aging: {
      minimum: days(defs.get('PASS_MIN_DAYS'), '0'),
      maximum: days(defs.get('PASS_MAX_DAYS'), '99999'),
      warning: days(defs.get('PASS_WARN_AGE'), '7'),
      inactive: days(useradd.get('INACTIVE'), ''),
      expires: days(useradd.get('EXPIRE'), ''),
    },
    homeFolder: path(useradd.get('HOME')) ?? '/home',
    shell: path(useradd.get('SHELL')) ?? '/bin/sh',
    skeleton: path(useradd.get('SKEL')) ?? '/etc/skel',
    group: useradd.get('GROUP') ?? '100',
  };
}

async function text(machine: Machine, file: string): Promise<string> {
  return await readFile(machine.locate(file), 'utf8').catch(() => '');
}

/** login.defs: `NAME value`, `#` starts a comment. */
function words(content: string): Map<string, string> {
  return new Map(
    content.split('\n').flatMap((line): [string, string][] => {
      const [, key, value] = /^\s*([A-Z_]+)\s+"?([^"#\s]+)/.exec(line) ?? [];
      return key === undefined || value === undefined ? [] : [[key, value]];
    }),
  );
}

/** `/etc/default/useradd`: `NAME=value`. */
function assignments(content: string): Map<string, string> {
  return new Map(
    content.split('\n').flatMap((line): [string, string][] => {
      const [, key, value] = /^\s*([A-Z_]+)=["']?([^"'\s]+)/.exec(line) ?? [];
      return key === undefined || value === undefined ? [] : [[key, value]];
    }),
  );
}

/** Numbers of login.defs may be octal (leading 0) or hexadecimal (0x). */
function integer(value: string | undefined, radix?: 8): number | undefined {
  if (value === undefined) return undefined;
  if (/^0x[0-9a-f]{1,8}$/i.test(value)) return Number(value);
  if (!/^\d{1,10}$/.test(value)) return undefined;
  const octal = radix === 8 || value.startsWith('0');
  if (octal && /[89]/.test(value)) return undefined;
  return Number.parseInt(value, octal ? 8 : 10);
}

function days(value: string | undefined, fallback: string): string {
  return value !== undefined && /^\d{1,7}$/.test(value) ? value : fallback;
}

function path(value: string | undefined): string | undefined {
  return value?.startsWith('/') ? value.replace(/(?<=.)\/+$/, '') : undefined;
}
