import { FormatsError } from '../error.ts';
import type { BytePath } from './entry.ts';

/** Longest path or link target Linux accepts (PATH_MAX without its NUL), in bytes. */
export const MAX_PATH_BYTES = 4095;
/** Longest single name (NAME_MAX), in bytes. */
export const MAX_NAME_BYTES = 255;

/** An empty, `.` or `..` component, a leading slash, a NUL, or a component that may be too long: look closer. */
const NEEDS_CARE = /(?:^|\/)\.{0,2}(?:\/|$)|\0|[^/]{256}/;

/** Reads bytes as latin-1, one UTF-16 unit for each byte (`TextDecoder('latin1')` would be windows-1252). */
export function decodeLatin1(bytes: Uint8Array, start = 0, end = bytes.length): string {
  if (end - start <= 4096) return String.fromCharCode.apply(null, bytes.subarray(start, end) as unknown as number[]);
  let text = '';
  for (let at = start; at < end; at += 4096) {
    text += String.fromCharCode.apply(null, bytes.subarray(at, Math.min(at + 4096, end)) as unknown as number[]);
  }
  return text;
}

/** Writes a latin-1 string into `target` at `offset`; units above 0xff never occur in a BytePath. */
export function writeLatin1(target: Uint8Array, offset: number, text: string): void {
  for (let index = 0; index < text.length; index++) target[offset + index] = text.charCodeAt(index);
}

/** The bytes of a latin-1 string. */
export function encodeLatin1(text: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(text.length);
  writeLatin1(bytes, 0, text);
  return bytes;
}

/** The path of ordinary text: its UTF-8 bytes, one unit each. Normalise it with {@link normalizePath}. */
export function bytePathOf(text: string): BytePath {
  return decodeLatin1(new TextEncoder().encode(text));
}

/** A path for messages: UTF-8 where it is, control characters escaped, never longer than a line. */
export function displayPath(path: BytePath): string {
  const text = new TextDecoder().decode(encodeLatin1(path.length > 200 ? `${path.slice(0, 200)}...` : path));
  return JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"');
}

/**
 * Turns a member name into a path relative to the root: leading slashes, `.` and empty components and a trailing slash
 * go away, as every reader of tar does it. A `..` component, a NUL and a name beyond Linux's limits are refused, never repaired.
 *
 * @throws FormatsError FORMAT_INVALID naming the entry
 */
export function normalizePath(raw: string, what = 'entry'): BytePath {
  let path = raw.startsWith('./') ? raw.slice(2) : raw;
  if (path.endsWith('/')) path = path.slice(0, -1);
  if (path.length > MAX_PATH_BYTES) throw unsafe(raw, what, `is longer than ${MAX_PATH_BYTES} bytes`);
  if (!NEEDS_CARE.test(path)) return path;
  const kept: string[] = [];
  for (const component of path.split('/')) {
    if (component === '' || component === '.') continue;
    if (component === '..') throw unsafe(raw, what, 'has a ".." component');
    if (component.includes('\0')) throw unsafe(raw, what, 'holds a NUL byte');
    if (component.length > MAX_NAME_BYTES) throw unsafe(raw, what, `has a name longer than ${MAX_NAME_BYTES} bytes`);
    kept.push(component);
  }
  return kept.join('/');
}

/**
 * Checks the target of a symbolic link, which is kept as written.
 *
 * @throws FormatsError FORMAT_INVALID when it is empty, too long or holds a NUL
 */
export function checkSymlinkTarget(path: BytePath, target: string): string {
  const problem =
    target === ''
      ? 'is empty'
      : target.length > MAX_PATH_BYTES
        ? `is longer than ${MAX_PATH_BYTES} bytes`
        : target.includes('\0')
          ? 'holds a NUL byte'
          : undefined;
  if (problem === undefined) return target;
  throw unsafe(path, 'symbolic link', `has a target that ${problem}`);
}

function unsafe(raw: string, what: string, why: string): FormatsError {
  return new FormatsError({
    code: 'FORMAT_INVALID',
    message: `tar: the ${what} "${displayPath(raw)}" ${why}`,
    hint: 'Such a name could reach outside the image. Rebuild the archive without it.',
  });
}
