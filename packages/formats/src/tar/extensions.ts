import { FormatsError } from '../error.ts';
import type { RawHeader } from './header.ts';
import { type PaxRecords, parsePaxNumber } from './pax.ts';
import { type PaxSparse, readPaxSparse } from './sparse.ts';

/** What extension headers say about the next member; undefined fields are left to its own header. */
export interface Extensions {
  path: string | undefined;
  linkpath: string | undefined;
  size: number | undefined;
  uid: number | undefined;
  gid: number | undefined;
  mtime: number | undefined;
  deviceMajor: number | undefined;
  deviceMinor: number | undefined;
  xattrs: Record<string, string>;
  sparse: PaxSparse | undefined;
}

/** Shared by all members without extended attributes. */
export const NO_XATTRS: Record<string, string> = Object.freeze(Object.create(null) as Record<string, string>);

const MAX_XATTR_BYTES = 65_536;

/**
 * Reads the records of a global and a local PAX header, the local one winning; an empty value takes a key back.
 * Extended attributes come as `SCHILY.xattr.NAME` (raw, GNU tar and Go), `LIBARCHIVE.xattr.NAME` (base64) and
 * `RHT.security.selinux`.
 *
 * @throws FormatsError FORMAT_INVALID
 */
export function readExtensions(global: PaxRecords, local: PaxRecords, archiveOffset: number): Extensions {
  const records = global.length === 0 ? local : [...global, ...local];
  const values = new Map<string, string>();
  for (const [key, value] of records) {
    if (value === '') values.delete(key);
    else values.set(key, value);
  }
  const number = (key: string): number | undefined => {
    const value = values.get(key);
    return value === undefined ? undefined : parsePaxNumber(key, value, archiveOffset);
  };
  return {
    path: values.get('path'),
    linkpath: values.get('linkpath'),
    size: number('size'),
    uid: number('uid'),
    gid: number('gid'),
    mtime: number('mtime'),
    deviceMajor: number('SCHILY.devmajor'),
    deviceMinor: number('SCHILY.devminor'),
    xattrs: readXattrs(records),
    sparse: readPaxSparse(records),
  };
}

/** The path a member really has: GNU sparse files hide it in a key of their own. */
export function memberName(header: RawHeader, extensions: Extensions | undefined): string {
  return extensions?.sparse?.name ?? extensions?.path ?? header.name;
}

function readXattrs(records: PaxRecords): Record<string, string> {
  let xattrs: Record<string, string> | undefined;
  const put = (name: string, value: string) => {
    if (!/^[^.\0]+\.[^\0]+$/.test(name) || name.length > 255 || value.length > MAX_XATTR_BYTES) {
      throw new FormatsError({
        code: 'FORMAT_INVALID',
        message: `tar: the extended attribute ${JSON.stringify(name.slice(0, 80))} has an impossible name or size`,
      });
    }
    xattrs ??= Object.create(null) as Record<string, string>;
    xattrs[name] = value;
  };
  for (const [key, value] of records) {
    if (key.startsWith('LIBARCHIVE.xattr.')) put(percentDecode(key.slice(17)), base64Decode(value));
    else if (key === 'RHT.security.selinux') put('security.selinux', value.endsWith('\0') ? value : `${value}\0`);
  }
  for (const [key, value] of records) if (key.startsWith('SCHILY.xattr.')) put(key.slice(13), value);
  return xattrs ?? NO_XATTRS;
}

function percentDecode(text: string): string {
  return text.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

function base64Decode(text: string): string {
  try {
    return atob(text);
  } catch (cause) {
    throw new FormatsError({
      code: 'FORMAT_INVALID',
      message: 'tar: an extended attribute is not valid base64',
      cause,
    });
  }
}
