import { FormatsError } from '../error.ts';
import { decodeLatin1, encodeLatin1 } from './byte-path.ts';

/** Records of a PAX extended header in their order (keys repeat in GNU sparse 0.0); keys and values byte for byte, latin-1. */
export type PaxRecords = readonly (readonly [key: string, value: string])[];

/**
 * Splits a PAX extended header into its records: `LENGTH KEY=VALUE\n` (POSIX pax, "Extended Header").
 *
 * @throws FormatsError FORMAT_INVALID when a length or a separator is wrong
 */
export function parsePax(bytes: Uint8Array, archiveOffset: number): PaxRecords {
  const records: [string, string][] = [];
  let at = 0;
  while (at < bytes.length) {
    // Some writers pad the last record with NULs.
    if (bytes[at] === 0) break;
    let length = 0;
    let index = at;
    for (; index < bytes.length && bytes[index] !== 32; index++) {
      const digit = (bytes[index] as number) - 48;
      if (digit < 0 || digit > 9 || index - at > 8) throw invalid(archiveOffset, 'a record length is not a number');
      length = length * 10 + digit;
    }
    const end = at + length;
    if (end > bytes.length || end < index + 3 || bytes[end - 1] !== 10) {
      throw invalid(archiveOffset, 'a record does not end where it says');
    }
    const equals = bytes.indexOf(61, index + 1);
    if (equals <= index + 1 || equals >= end) throw invalid(archiveOffset, 'a record has no key');
    records.push([decodeLatin1(bytes, index + 1, equals), decodeLatin1(bytes, equals + 1, end - 1)]);
    at = end;
  }
  return records;
}

/** The bytes of records, each with the length that counts itself. */
export function encodePax(records: PaxRecords): Uint8Array<ArrayBuffer> {
  let text = '';
  for (const [key, value] of records) {
    const body = key.length + value.length + 3;
    let length = body + String(body).length;
    if (String(length).length > String(body).length) length = body + String(length).length;
    text += `${length} ${key}=${value}\n`;
  }
  return encodeLatin1(text);
}

/**
 * Reads a decimal number of a PAX record, whose fraction (times) is cut off towards the past.
 *
 * @throws FormatsError FORMAT_INVALID when it is no number or beyond 2^53
 */
export function parsePaxNumber(key: string, value: string, archiveOffset: number): number {
  if (!/^-?\d{1,16}(\.\d*)?$/.test(value)) throw invalid(archiveOffset, `the value of ${key} is not a number`);
  const number = Math.floor(Number(value));
  if (!Number.isSafeInteger(number)) throw invalid(archiveOffset, `the value of ${key} is beyond 2^53`);
  return number;
}

function invalid(archiveOffset: number, why: string): FormatsError {
  return new FormatsError({
    code: 'FORMAT_INVALID',
    message: `tar: in the extended header at byte ${archiveOffset}, ${why}`,
    hint: 'The archive is damaged.',
  });
}
