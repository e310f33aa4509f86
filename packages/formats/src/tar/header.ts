import { FormatsError } from '../error.ts';
import { decodeLatin1 } from './byte-path.ts';

/** Size of a tar block; headers and data are padded to it. */
export const TAR_BLOCK = 512;

/** The fields of one 512-byte header block, before extensions are applied (POSIX ustar, GNU, star and V7). */
export interface RawHeader {
  name: string;
  linkname: string;
  /** The type flag as a character; `\0` is given as `0`. */
  type: string;
  mode: number;
  uid: number;
  gid: number;
  size: number;
  mtime: number;
  /** True for the pre-POSIX GNU format, whose bytes from 345 on mean something else. */
  gnu: boolean;
}

/** True when all 512 bytes from `at` are zero: half of the end marker. */
export function isZeroBlock(bytes: Uint8Array, at: number): boolean {
  for (let index = at; index < at + TAR_BLOCK; index++) if (bytes[index] !== 0) return false;
  return true;
}

/** Sum of the bytes of a header block, its checksum field counted as spaces. */
export function sumHeader(bytes: Uint8Array, at: number): number {
  let sum = 8 * 32;
  for (let index = at; index < at + 148; index++) sum += bytes[index] as number;
  for (let index = at + 156; index < at + TAR_BLOCK; index++) sum += bytes[index] as number;
  return sum;
}

/** The same with signed bytes, as some old writers did it. */
function sumHeaderSigned(bytes: Uint8Array, at: number): number {
  let sum = sumHeader(bytes, at);
  for (let index = 0; index < TAR_BLOCK; index++) {
    if ((index < 148 || index >= 156) && (bytes[at + index] as number) > 127) sum -= 256;
  }
  return sum;
}

/**
 * Reads a header block.
 *
 * @throws FormatsError FORMAT_INVALID when its checksum or a number is wrong
 */
export function readHeader(bytes: Uint8Array, at: number, archiveOffset: number): RawHeader {
  const where = `at byte ${archiveOffset}`;
  const stored = readNumber(bytes, at + 148, 8, 'checksum', where);
  if (stored !== sumHeader(bytes, at) && stored !== sumHeaderSigned(bytes, at)) {
    throw new FormatsError({
      code: 'FORMAT_INVALID',
      message: `tar: the header ${where} has a wrong checksum`,
      hint: 'The archive is damaged, or it is not a tar.',
    });
  }
  const magic = decodeLatin1(bytes, at + 257, at + 265);
  const gnu = magic === 'ustar  \0';
  const ustar = magic.startsWith('ustar\0');
  const star = ustar && decodeLatin1(bytes, at + 508, at + 512) === 'tar\0';
  let name = readText(bytes, at, 100);
  if (ustar && bytes[at + 345] !== 0) name = `${readText(bytes, at + 345, star ? 131 : 155)}/${name}`;
  const flag = bytes[at + 156] as number;
  const header = {
    name,
    linkname: readText(bytes, at + 157, 100),
    type: flag === 0 ? '0' : String.fromCharCode(flag),
    mode: readNumber(bytes, at + 100, 8, 'mode', where) & 0o7777,
    uid: readNumber(bytes, at + 108, 8, 'uid', where),
    gid: readNumber(bytes, at + 116, 8, 'gid', where),
    size: readNumber(bytes, at + 124, 12, 'size', where),
    mtime: readNumber(bytes, at + 136, 12, 'mtime', where),
    gnu,
  };
  if (header.size < 0) {
    throw new FormatsError({ code: 'FORMAT_INVALID', message: `tar: the header ${where} has a negative size` });
  }
  return header;
}

/** Text up to the first NUL of a field. */
function readText(bytes: Uint8Array, at: number, length: number): string {
  let end = at;
  while (end < at + length && bytes[end] !== 0) end++;
  return decodeLatin1(bytes, at, end);
}

/**
 * Reads a number field: octal text, or GNU base-256 (first bit set; two's complement).
 *
 * @throws FormatsError FORMAT_INVALID when it is neither or beyond 2^53
 */
export function readNumber(bytes: Uint8Array, at: number, length: number, field: string, where: string): number {
  const first = bytes[at] as number;
  if (first & 0x80) return readBase256(bytes, at, length, field, where);
  let index = at;
  const end = at + length;
  while (index < end && (bytes[index] === 32 || bytes[index] === 0)) index++;
  let value = 0;
  for (; index < end; index++) {
    const byte = bytes[index] as number;
    if (byte === 32 || byte === 0) break;
    if (byte < 48 || byte > 55) throw badNumber(field, where, 'is not octal');
    value = value * 8 + (byte - 48);
  }
  return value;
}

function readBase256(bytes: Uint8Array, at: number, length: number, field: string, where: string): number {
  const negative = ((bytes[at] as number) & 0x40) !== 0;
  let value = negative ? ((bytes[at] as number) & 0x7f) - 0x80 : (bytes[at] as number) & 0x7f;
  for (let index = at + 1; index < at + length; index++) {
    value = value * 256 + (bytes[index] as number);
    if (!Number.isSafeInteger(value)) throw badNumber(field, where, 'is beyond 2^53');
  }
  return value;
}

function badNumber(field: string, where: string, why: string): FormatsError {
  return new FormatsError({
    code: 'FORMAT_INVALID',
    message: `tar: the ${field} of the header ${where} ${why}`,
    hint: 'The archive is damaged, or it is not a tar.',
  });
}
