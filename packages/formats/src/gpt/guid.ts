import { FormatsError } from '../error.ts';

/** A GUID in lower case, for example `c12a7328-f81f-11d2-ba4b-00a0c93ec93b`. */
export type Guid = string;

/** The GUID that marks an unused entry. */
export const NIL_GUID: Guid = '00000000-0000-0000-0000-000000000000';

/** Positions of the text's bytes in the stored form: the first three fields are little-endian (UEFI 2.10, appendix A). */
const ORDER = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15] as const;

/**
 * The 16 bytes a GUID is stored as in GPT and EFI structures.
 *
 * @throws FormatsError `FORMAT_INPUT` when the text is no GUID.
 */
export function encodeGuid(guid: Guid): Uint8Array {
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(guid)) {
    throw new FormatsError({ code: 'FORMAT_INPUT', message: `${JSON.stringify(guid)} is not a GUID` });
  }
  const digits = guid.replaceAll('-', '');
  return Uint8Array.from(ORDER, (from) => Number.parseInt(digits.slice(from * 2, from * 2 + 2), 16));
}

/** The text of a GUID stored in 16 bytes. */
export function decodeGuid(bytes: Uint8Array): Guid {
  const digits = ORDER.map((from) => (bytes[from] ?? 0).toString(16).padStart(2, '0')).join('');
  return [
    digits.slice(0, 8),
    digits.slice(8, 12),
    digits.slice(12, 16),
    digits.slice(16, 20),
    digits.slice(20, 32),
  ].join('-');
}
