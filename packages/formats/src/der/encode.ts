import { concatBytes } from '../byte-reader.ts';

/** Tags of DER (ITU-T X.690) that signatures and certificates use. */
export const DER_TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  objectIdentifier: 0x06,
  utf8String: 0x0c,
  utcTime: 0x17,
  sequence: 0x30,
  set: 0x31,
  /** `[0]` constructed; the others follow. */
  context: 0xa0,
  /** `[0]` primitive; the others follow. */
  contextPrimitive: 0x80,
} as const;

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

/** An INTEGER that is not negative, from its bytes, big-endian, or from a number below 256. */
export function encodeInteger(value: Uint8Array | number): Uint8Array {
  const bytes = typeof value === 'number' ? Uint8Array.of(value) : value;
  let start = 0;
  while (start < bytes.length - 1 && bytes[start] === 0) start++;
  const trimmed = bytes.subarray(start);
  // A top bit would make it negative.
  const sign = (trimmed[0] ?? 0) & 0x80 ? Uint8Array.of(0) : new Uint8Array();
  return encodeDer(DER_TAG.integer, sign, trimmed);
}

/** A UTF8String. */
export function encodeUtf8(text: string): Uint8Array {
  return encodeDer(DER_TAG.utf8String, new TextEncoder().encode(text));
}

/** `YYMMDDHHMMSSZ`, which X.509 wants for the years 1950 to 2049 (RFC 5280, 4.1.2.5.1). */
export function encodeUtcTime(when: Date): Uint8Array {
  const digits = when.toISOString().replaceAll(/[-:T]/g, '').slice(2, 14);
  return encodeDer(DER_TAG.utcTime, new TextEncoder().encode(`${digits}Z`));
}

/** BOOLEAN TRUE; FALSE is left out wherever it is the default. */
export function encodeTrue(): Uint8Array {
  return encodeDer(DER_TAG.boolean, Uint8Array.of(0xff));
}

export function encodeNull(): Uint8Array {
  return encodeDer(DER_TAG.null);
}

export function encodeOctets(bytes: Uint8Array): Uint8Array {
  return encodeDer(DER_TAG.octetString, bytes);
}

/** A BIT STRING; the last `unusedBits` bits of it do not count. */
export function encodeBits(bytes: Uint8Array, unusedBits = 0): Uint8Array {
  return encodeDer(DER_TAG.bitString, Uint8Array.of(unusedBits), bytes);
}

/** An element inside of an explicit context tag, `[number]`. */
export function encodeExplicit(number: number, ...parts: readonly Uint8Array[]): Uint8Array {
  return encodeDer(DER_TAG.context + number, ...parts);
}

function encodeLength(length: number): number[] {
  if (length < 0x80) return [length];
  const bytes: number[] = [];
  for (let left = length; left > 0; left = Math.floor(left / 256)) bytes.unshift(left & 0xff);
  return [0x80 | bytes.length, ...bytes];
}
