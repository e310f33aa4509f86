import { alignUp, concatBytes } from '../byte-reader.ts';
import { FormatsError } from '../error.ts';
import { displayPath, encodeLatin1, MAX_NAME_BYTES } from '../tar/byte-path.ts';
import { CPIO_FILE_TYPE, CPIO_HEADER_SIZE, CPIO_MAGIC, CPIO_PATH_MAX, CPIO_TRAILER, type CpioEntry } from './entry.ts';

/** What is the same for a whole archive. */
export interface CpioOptions {
  /** Time stamp of every member, in seconds since the epoch. */
  mtimeSeconds: number;
}

const MAX_U32 = 0xffffffff;
const EMPTY = new Uint8Array(0);

/**
 * Encodes an initramfs archive (`newc`; kernel Documentation/driver-api/early-userspace/buffer-format.rst) piece by
 * piece. Equal entries give equal bytes in whatever order they come: members leave in path order with inode numbers
 * 1, 2, 3 ..., and the end is padded to 512 bytes. Directories that are missing above an entry are added, 0755 and
 * owned by root, because the kernel drops members without a parent silently.
 *
 * @throws FormatsError `FORMAT_INPUT` for a bad or duplicate path, an entry below something that is not a directory,
 *   or a value that does not fit.
 */
export function* encodeCpio(entries: readonly CpioEntry[], options: CpioOptions): Generator<Uint8Array> {
  let total = 0;
  let inode = 0;
  for (const entry of orderEntries(entries)) {
    inode += 1;
    const body = readBody(entry);
    const header = encodeHeader(entry, inode, body.length, options.mtimeSeconds);
    const padding = new Uint8Array(alignUp(body.length, 4) - body.length);
    total += header.length + body.length + padding.length;
    yield header;
    if (body.length > 0) yield body;
    if (padding.length > 0) yield padding;
  }
  yield encodeTrailer(total);
}

/** The member that ends an archive of `total` bytes, with the padding behind it. */
export function encodeTrailer(total: number): Uint8Array {
  const trailer = encodeFields(CPIO_TRAILER, { nlink: 1 });
  const end = total + trailer.length;
  return concatBytes([trailer, new Uint8Array(alignUp(end, 512) - end)]);
}

/** {@link encodeCpio} in one array. */
export function writeCpio(entries: readonly CpioEntry[], options: CpioOptions): Uint8Array<ArrayBuffer> {
  return concatBytes([...encodeCpio(entries, options)]);
}

function readBody(entry: CpioEntry): Uint8Array {
  if (entry.type === 'symlink') {
    const target = encodeBytePath(entry.target);
    if (target.length === 0 || target.length >= CPIO_PATH_MAX || target.includes(0)) {
      throw refuse(entry.path, 'its link target is empty, holds a NUL or is longer than 4095 bytes');
    }
    return target;
  }
  if (entry.type !== 'file') return EMPTY;
  const data = typeof entry.data === 'function' ? entry.data() : entry.data;
  if (data.length > MAX_U32) throw refuse(entry.path, 'it is larger than 4 GiB');
  return data;
}

/** Header and name of a member, padded to 4 bytes. */
export function encodeHeader(entry: CpioEntry, inode: number, size: number, mtime: number): Uint8Array {
  const permissions = entry.type === 'symlink' ? 0o777 : entry.mode;
  if (!Number.isInteger(permissions) || permissions < 0 || permissions > 0o7777) {
    throw refuse(entry.path, `its mode ${permissions} is not between 0 and 0o7777`);
  }
  const device = entry.type === 'character' || entry.type === 'block' ? entry : { major: 0, minor: 0 };
  return encodeFields(entry.path, {
    inode,
    mode: CPIO_FILE_TYPE[entry.type] | permissions,
    uid: entry.uid ?? 0,
    gid: entry.gid ?? 0,
    nlink: entry.type === 'directory' ? 2 : 1,
    mtime,
    size,
    major: device.major,
    minor: device.minor,
  });
}

interface Fields {
  inode?: number;
  mode?: number;
  uid?: number;
  gid?: number;
  nlink: number;
  mtime?: number;
  size?: number;
  major?: number;
  minor?: number;
}

function encodeFields(path: string, fields: Fields): Uint8Array {
  const name = encodeBytePath(path);
  const { inode = 0, mode = 0, uid = 0, gid = 0, nlink, mtime = 0, size = 0, major = 0, minor = 0 } = fields;
  const numbers = [inode, mode, uid, gid, nlink, mtime, size, 0, 0, major, minor, name.length + 1, 0];
  let text = CPIO_MAGIC;
  for (const number of numbers) {
    if (!Number.isInteger(number) || number < 0 || number > MAX_U32) {
      throw refuse(path, `${number} does not fit a 32-bit field`);
    }
    text += number.toString(16).padStart(8, '0').toUpperCase();
  }
  const header = new Uint8Array(alignUp(CPIO_HEADER_SIZE + name.length + 1, 4));
  header.set(encodeLatin1(text));
  header.set(name, CPIO_HEADER_SIZE);
  return header;
}

/** Sorts by path, so that a directory comes before what is in it, and adds the directories that nobody listed. */
export function orderEntries(entries: readonly CpioEntry[]): CpioEntry[] {
  const byPath = new Map<string, CpioEntry>();
  for (const entry of entries) {
    checkPath(entry.path);
    if (byPath.has(entry.path)) throw refuse(entry.path, 'it is listed twice');
    byPath.set(entry.path, entry);
  }
  for (const { path } of entries) {
    for (let slash = path.lastIndexOf('/'); slash > 0; slash = path.lastIndexOf('/', slash - 1)) {
      const parent = path.slice(0, slash);
      const known = byPath.get(parent);
      if (known && known.type !== 'directory') throw refuse(path, `${parent} is a ${known.type}, not a directory`);
      if (known) break;
      byPath.set(parent, { type: 'directory', path: parent, mode: 0o755 });
    }
  }
  return [...byPath.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
}

function checkPath(path: string): void {
  if (path.length >= CPIO_PATH_MAX) throw refuse(path, 'it is longer than 4095 bytes');
  if (path === CPIO_TRAILER || path.includes('\0')) throw refuse(path, 'the format reserves this name');
  for (const part of path.split('/')) {
    if (part.length > MAX_NAME_BYTES) throw refuse(path, `a name in it is longer than ${MAX_NAME_BYTES} bytes`);
    if (part === '' || part === '.' || part === '..') {
      throw refuse(path, 'it must be relative, without empty, `.` or `..` parts');
    }
  }
}

function encodeBytePath(path: string): Uint8Array {
  if (/[^\x00-\xff]/.test(path)) throw refuse(path, 'it holds characters beyond 255: turn text into bytes first');
  return encodeLatin1(path);
}

function refuse(path: string, why: string): FormatsError {
  return new FormatsError({
    code: 'FORMAT_INPUT',
    message: `cannot put "${displayPath(path)}" into a cpio archive: ${why}`,
  });
}
