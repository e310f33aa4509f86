import { FormatsError } from '../error.ts';
import { displayPath, writeLatin1 } from './byte-path.ts';
import type { TarEntry, TarEntryType } from './entry.ts';
import { sumHeader, TAR_BLOCK } from './header.ts';
import { encodePax } from './pax.ts';

const FLAGS: Readonly<Record<TarEntryType, string>> = {
  file: '0',
  hardlink: '1',
  symlink: '2',
  character: '3',
  block: '4',
  directory: '5',
  fifo: '6',
};

/** The end marker of an archive: two zero blocks. */
export const TAR_END: Uint8Array<ArrayBuffer> = new Uint8Array(2 * TAR_BLOCK);

/** Bytes of padding that follow `size` bytes of member data. */
export function tarPadding(size: number): number {
  return (TAR_BLOCK - (size % TAR_BLOCK)) % TAR_BLOCK;
}

/**
 * The header of a member: one ustar block, preceded by a PAX header only for what ustar cannot hold (long names, large
 * numbers, extended attributes). The same entry always gives the same bytes.
 *
 * @throws FormatsError FORMAT_INPUT when a field is outside of what tar can say
 */
export function encodeHeader(entry: TarEntry): Uint8Array<ArrayBuffer> {
  const records: [string, string][] = [];
  const path = entry.path === '' ? './' : entry.type === 'directory' ? `${entry.path}/` : entry.path;
  const split = splitUstarName(path);
  if (split === undefined) records.push(['path', path]);
  const linkname = entry.type === 'symlink' || entry.type === 'hardlink' ? entry.linkname : '';
  if (linkname.length > 100) records.push(['linkpath', linkname]);
  const size = entry.type === 'file' ? entry.size : 0;
  for (const name of Object.keys(entry.xattrs)) records.push([`SCHILY.xattr.${name}`, entry.xattrs[name] as string]);
  const number = (key: string, value: number, digits: number): number => {
    if (!Number.isSafeInteger(value) || (value < 0 && key !== 'mtime')) throw impossible(entry, `the ${key} ${value}`);
    if (value >= 0 && value < 8 ** digits) return value;
    records.push([key, String(value)]);
    return 0;
  };
  const isDevice = entry.type === 'character' || entry.type === 'block';
  const fields = {
    flag: FLAGS[entry.type],
    name: split?.name ?? path.slice(0, 100),
    prefix: split?.prefix ?? '',
    linkname: linkname.slice(0, 100),
    mode: entry.mode & 0o7777,
    uid: number('uid', entry.uid, 7),
    gid: number('gid', entry.gid, 7),
    size: number('size', size, 11),
    mtime: number('mtime', entry.mtime, 11),
    major: number('SCHILY.devmajor', isDevice ? entry.deviceMajor : 0, 7),
    minor: number('SCHILY.devminor', isDevice ? entry.deviceMinor : 0, 7),
  };
  if (records.length === 0) {
    const block = new Uint8Array(TAR_BLOCK);
    fillBlock(block, 0, fields);
    return block;
  }
  const pax = encodePax(records.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
  const bytes = new Uint8Array(TAR_BLOCK * 2 + pax.length + tarPadding(pax.length));
  fillBlock(bytes, 0, { ...PAX_FIELDS, size: pax.length });
  bytes.set(pax, TAR_BLOCK);
  fillBlock(bytes, bytes.length - TAR_BLOCK, fields);
  return bytes;
}

interface BlockFields {
  flag: string;
  name: string;
  prefix: string;
  linkname: string;
  mode: number;
  uid: number;
  gid: number;
  size: number;
  mtime: number;
  major: number;
  minor: number;
}

const PAX_FIELDS: BlockFields = {
  flag: 'x',
  name: '././@PaxHeader',
  prefix: '',
  linkname: '',
  mode: 0o644,
  uid: 0,
  gid: 0,
  size: 0,
  mtime: 0,
  major: 0,
  minor: 0,
};

function fillBlock(bytes: Uint8Array, at: number, fields: BlockFields): void {
  writeLatin1(bytes, at, fields.name);
  writeOctal(bytes, at + 100, 7, fields.mode);
  writeOctal(bytes, at + 108, 7, fields.uid);
  writeOctal(bytes, at + 116, 7, fields.gid);
  writeOctal(bytes, at + 124, 11, fields.size);
  writeOctal(bytes, at + 136, 11, fields.mtime);
  writeLatin1(bytes, at + 156, fields.flag);
  writeLatin1(bytes, at + 157, fields.linkname);
  writeLatin1(bytes, at + 257, 'ustar\x0000');
  writeOctal(bytes, at + 329, 7, fields.major);
  writeOctal(bytes, at + 337, 7, fields.minor);
  writeLatin1(bytes, at + 345, fields.prefix);
  writeOctal(bytes, at + 148, 6, sumHeader(bytes, at));
  bytes[at + 155] = 32;
}

/** Writes `digits` octal digits; the NUL behind them is already there. */
function writeOctal(bytes: Uint8Array, at: number, digits: number, value: number): void {
  let rest = value;
  for (let index = at + digits - 1; index >= at; index--) {
    bytes[index] = 48 + (rest % 8);
    rest = Math.floor(rest / 8);
  }
}

/** Splits a path into ustar's name (100 bytes) and prefix (155 bytes), or undefined when it does not fit. */
function splitUstarName(path: string): { name: string; prefix: string } | undefined {
  if (path.length <= 100) return { name: path, prefix: '' };
  if (path.length > 256) return undefined;
  const slash = path.lastIndexOf('/', Math.min(155, path.length - 2));
  if (slash <= 0 || path.length - slash - 1 > 100) return undefined;
  return { name: path.slice(slash + 1), prefix: path.slice(0, slash) };
}

function impossible(entry: TarEntry, what: string): FormatsError {
  return new FormatsError({
    code: 'FORMAT_INPUT',
    message: `tar: the entry "${displayPath(entry.path)}" cannot be written: ${what} is out of range`,
  });
}
