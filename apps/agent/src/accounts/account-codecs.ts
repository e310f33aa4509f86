import { AgentError } from '../error.ts';
import { type AccountCodec, AccountTable } from './account-table.ts';

/** passwd(5). */
export interface PasswdEntry {
  name: string;
  password: string;
  uid: number;
  gid: number;
  gecos: string;
  home: string;
  shell: string;
}

/** group(5). */
export interface GroupEntry {
  name: string;
  password: string;
  gid: number;
  members: readonly string[];
}

/** shadow(5). The fields of days are numbers or empty, as text: empty means that the feature is off. */
export interface ShadowEntry {
  name: string;
  hash: string;
  lastChange: string;
  minimum: string;
  maximum: string;
  warning: string;
  inactive: string;
  expires: string;
  reserved: string;
}

/** gshadow(5). */
export interface GshadowEntry {
  name: string;
  password: string;
  administrators: readonly string[];
  members: readonly string[];
}

const MAX_ID = 4_294_967_294;

const passwdCodec = makeCodec<PasswdEntry>(
  ([name = '', password = '', uid = '', gid = '', gecos = '', home = '', shell = '']) => ({
    ...{ name, password, uid: Number(uid), gid: Number(gid), gecos, home, shell },
  }),
  (entry) => [
    entry.name,
    entry.password,
    idText(entry.name, entry.uid),
    idText(entry.name, entry.gid),
    entry.gecos,
    entry.home,
    entry.shell,
  ],
);

const groupCodec = makeCodec<GroupEntry>(
  ([name = '', password = '', gid = '', members = '']) => ({
    name,
    password,
    gid: Number(gid),
    members: words(members),
  }),
  (entry) => [entry.name, entry.password, idText(entry.name, entry.gid), list(entry.name, entry.members)],
);

const shadowCodec = makeCodec<ShadowEntry>(
  (fields) => {
    const [name = '', hash = '', lastChange = '', minimum = '', maximum = ''] = fields;
    const [warning = '', inactive = '', expires = '', reserved = ''] = fields.slice(5);
    return { name, hash, lastChange, minimum, maximum, warning, inactive, expires, reserved };
  },
  (entry) => {
    const days = [entry.lastChange, entry.minimum, entry.maximum, entry.warning, entry.inactive, entry.expires];
    if (days.some((text) => !/^(?:-?\d{1,10})?$/.test(text))) throw unwritable(entry.name, 'a number of days');
    return [entry.name, entry.hash, ...days, entry.reserved];
  },
);

const gshadowCodec = makeCodec<GshadowEntry>(
  ([name = '', password = '', administrators = '', members = '']) => ({
    ...{ name, password, administrators: words(administrators), members: words(members) },
  }),
  (entry) => [entry.name, entry.password, list(entry.name, entry.administrators), list(entry.name, entry.members)],
);

/** Reads passwd(5). */
export const passwdTable = (text: string | Uint8Array): AccountTable<PasswdEntry> =>
  new AccountTable(passwdCodec, text);
/** Reads group(5). */
export const groupTable = (text: string | Uint8Array): AccountTable<GroupEntry> => new AccountTable(groupCodec, text);
/** Reads shadow(5). */
export const shadowTable = (text: string | Uint8Array): AccountTable<ShadowEntry> =>
  new AccountTable(shadowCodec, text);
/** Reads gshadow(5). */
export const gshadowTable = (text: string | Uint8Array): AccountTable<GshadowEntry> =>
  new AccountTable(gshadowCodec, text);

/** A line is an entry when it has the fields of its kind and would be written back byte for byte. */
function makeCodec<E extends { name: string }>(
  read: (fields: readonly string[]) => E,
  write: (entry: E) => readonly string[],
): AccountCodec<E> {
  const format = (entry: E): string => {
    const fields = write(entry);
    // What separates fields and lines, and NUL, which ends strings for every C program that reads the file.
    if (fields.some((field) => /[:\n\r\0]/.test(field))) throw unwritable(entry.name, 'a colon or line end');
    if (!/^[^#+\-\s][^\s,]*$/.test(entry.name)) throw unwritable(entry.name, 'a name like this');
    return fields.join(':');
  };
  return {
    format,
    parse(line) {
      try {
        const entry = read(line.split(':'));
        return format(entry) === line ? entry : undefined;
      } catch (error) {
        if (error instanceof AgentError) return undefined;
        throw error;
      }
    },
  };
}

function idText(name: string, id: number): string {
  if (Number.isInteger(id) && id >= 0 && id <= MAX_ID) return String(id);
  throw unwritable(name, 'this number');
}

function words(text: string): string[] {
  return text === '' ? [] : text.split(',');
}

function list(name: string, members: readonly string[]): string {
  if (members.some((member) => member === '' || member.includes(','))) throw unwritable(name, 'such a list of names');
  return members.join(',');
}

function unwritable(name: string, what: string): AgentError {
  return new AgentError({
    code: 'ACCOUNT_INVALID',
    message: `the entry of ${JSON.stringify(name.slice(0, 64))} cannot hold ${what}`,
    hint: 'Names are lower-case letters, digits, - and _; no field may hold a colon or a line end.',
  });
}
