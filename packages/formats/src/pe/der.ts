import { concatBytes } from '../byte-reader.ts';
import { FormatsError } from '../error.ts';

/** Tags of DER (ITU-T X.690) that signatures use. */
export const DER_TAG = {
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  objectIdentifier: 0x06,
  utcTime: 0x17,
  sequence: 0x30,
  set: 0x31,
} as const;

/** One element: its tag, its content, and all its bytes; views of the input. */
export interface DerElement {
  tag: number;
  content: Uint8Array;
  whole: Uint8Array;
}

/** An element of any tag. */
export function encodeDer(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const content = concatBytes(parts);
  return concatBytes([Uint8Array.of(tag, ...encodeLength(content.length)), content]);
}

export function encodeSequence(...parts: readonly Uint8Array[]): Uint8Array {
  return encodeDer(DER_TAG.sequence, ...parts);
}

/** A SET OF; its elements are put into the order that DER demands. */
export function encodeSet(...parts: readonly Uint8Array[]): Uint8Array {
  return encodeDer(DER_TAG.set, ...sortForSet(parts));
}

/** The order of elements in a SET OF (X.690, 11.6): as byte strings. */
export function sortForSet(parts: readonly Uint8Array[]): Uint8Array[] {
  return parts.toSorted((a, b) => {
    const differing = a.findIndex((byte, index) => byte !== b[index]);
    return differing < 0 ? a.length - b.length : (a[differing] ?? 0) - (b[differing] ?? -1);
  });
}

/** An object identifier in dotted form, for example `1.2.840.113549.1.7.2`. */
export function encodeObjectIdentifier(dotted: string): Uint8Array {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const bytes = [first * 40 + second];
  for (const value of rest) {
    const groups = [value & 0x7f];
    for (let left = Math.floor(value / 128); left > 0; left = Math.floor(left / 128))
      groups.unshift((left & 0x7f) | 0x80);
    bytes.push(...groups);
  }
  return encodeDer(DER_TAG.objectIdentifier, Uint8Array.from(bytes));
}

/**
 * The element at the start of `bytes`; what follows it is ignored.
 *
 * @throws FormatsError `FORMAT_INVALID` for lengths that are indefinite or reach beyond the bytes.
 */
export function readDer(bytes: Uint8Array): DerElement {
  const [tag, first] = bytes;
  if (tag === undefined || first === undefined) throw invalid('an element is missing');
  let length = first;
  let header = 2;
  if (first & 0x80) {
    const count = first & 0x7f;
    if (count < 1 || count > 4) throw invalid('a length of an element is not acceptable');
    header += count;
    length = bytes.subarray(2, header).reduce((sum, byte) => sum * 256 + byte, 0);
  }
  if (header + length > bytes.length) throw invalid('an element is cut short');
  return { tag, content: bytes.subarray(header, header + length), whole: bytes.subarray(0, header + length) };
}

/**
 * The elements inside a SEQUENCE or SET.
 *
 * @throws FormatsError `FORMAT_INVALID`.
 */
export function readDerChildren({ content }: DerElement): DerElement[] {
  const children: DerElement[] = [];
  for (let at = 0; at < content.length; ) {
    const child = readDer(content.subarray(at));
    children.push(child);
    at += child.whole.length;
  }
  return children;
}

function encodeLength(length: number): number[] {
  if (length < 0x80) return [length];
  const bytes: number[] = [];
  for (let left = length; left > 0; left = Math.floor(left / 256)) bytes.unshift(left & 0xff);
  return [0x80 | bytes.length, ...bytes];
}

function invalid(why: string): FormatsError {
  return new FormatsError({ code: 'FORMAT_INVALID', message: `DER data: ${why}` });
}
