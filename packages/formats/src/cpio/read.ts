import { alignUp, ByteReader } from '../byte-reader.ts';
import { FormatsError } from '../error.ts';
import type { BytePath } from '../tar/entry.ts';
import { type CPIO_FILE_TYPE, CPIO_HEADER_SIZE, CPIO_PATH_MAX, CPIO_TRAILER } from './entry.ts';

/** A member as found in an archive. */
export interface CpioMember {
  path: BytePath;
  type: keyof typeof CPIO_FILE_TYPE | 'fifo' | 'socket';
  mode: number;
  uid: number;
  gid: number;
  inode: number;
  linkCount: number;
  mtimeSeconds: number;
  /** Device numbers of a character or block node. */
  major: number;
  minor: number;
  /** Content of a file or target of a symlink: a view of the archive, not a copy. */
  data: Uint8Array;
}

/** Where to read and how much to accept. */
export interface CpioReadOptions {
  /** Offset of the first header; 0 when left out. */
  offset?: number;
  /** More members than this are refused; 1,000,000 when left out. */
  maxMembers?: number;
}

const TYPES = new Map<number, CpioMember['type']>([
  [0o100000, 'file'],
  [0o040000, 'directory'],
  [0o120000, 'symlink'],
  [0o020000, 'character'],
  [0o060000, 'block'],
  [0o010000, 'fifo'],
  [0o140000, 'socket'],
]);

/**
 * Reads one `newc` archive (also `070702`, whose checksums are not verified). `endOffset` is where the next archive
 * or compressed part of an initrd starts: behind the trailer and the zero bytes that follow it.
 *
 * @throws FormatsError `FORMAT_INVALID`, `FORMAT_TRUNCATED` or `FORMAT_LIMIT`.
 */
export function readCpio(
  bytes: Uint8Array,
  options: CpioReadOptions = {},
): { members: CpioMember[]; endOffset: number } {
  const { offset = 0, maxMembers = 1_000_000 } = options;
  const reader = new ByteReader(bytes, 'cpio archive');
  const members: CpioMember[] = [];
  let at = offset;
  for (;;) {
    const { member, nextOffset } = readMember(reader, at);
    at = nextOffset;
    if (member.path === CPIO_TRAILER) break;
    if (members.length >= maxMembers) {
      throw new FormatsError({ code: 'FORMAT_LIMIT', message: `cpio archive: more than ${maxMembers} members` });
    }
    members.push(member);
  }
  while (at < bytes.length && bytes[at] === 0) at += 1;
  return { members, endOffset: Math.min(at, bytes.length) };
}

function readMember(reader: ByteReader, offset: number): { member: CpioMember; nextOffset: number } {
  const magic = reader.latin1(offset, 6);
  if (magic !== '070701' && magic !== '070702') throw invalid(offset, 'no newc header');
  const field = (index: number): number => readHex(reader, offset + 6 + index * 8);
  const nameSize = field(11);
  if (nameSize < 1 || nameSize > CPIO_PATH_MAX) throw invalid(offset, `a name of ${nameSize} bytes`);
  const name = reader.latin1(offset + CPIO_HEADER_SIZE, nameSize);
  if (name.indexOf('\0') !== nameSize - 1) throw invalid(offset, 'a name that does not end with its NUL');
  const path = name.slice(0, -1);
  const size = field(6);
  // Alignment is relative to the archive, whose start is itself aligned to 4 bytes in an initrd.
  const dataOffset = offset + alignUp(CPIO_HEADER_SIZE + nameSize, 4);
  const mode = field(1);
  const type = path === CPIO_TRAILER ? 'file' : TYPES.get(mode & 0o170000);
  if (type === undefined) throw invalid(offset, `the unknown file type 0o${(mode & 0o170000).toString(8)}`);
  const member: CpioMember = {
    path,
    type,
    mode: mode & 0o7777,
    uid: field(2),
    gid: field(3),
    inode: field(0),
    linkCount: field(4),
    mtimeSeconds: field(5),
    major: field(9),
    minor: field(10),
    data: reader.slice(dataOffset, size),
  };
  return { member, nextOffset: dataOffset + alignUp(size, 4) };
}

function readHex(reader: ByteReader, offset: number): number {
  const digits = reader.latin1(offset, 8);
  if (!/^[0-9a-fA-F]{8}$/.test(digits)) throw invalid(offset, 'a field that is not hexadecimal');
  return Number.parseInt(digits, 16);
}

function invalid(offset: number, found: string): FormatsError {
  return new FormatsError({ code: 'FORMAT_INVALID', message: `cpio archive: ${found} at offset ${offset}` });
}
