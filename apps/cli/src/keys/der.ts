/** Encodes the few ASN.1 types a certificate needs, in DER (ITU-T X.690). */
export function derSequence(...items: readonly Uint8Array[]): Uint8Array {
  return derValue(0x30, concat(items));
}

/** A SET OF exactly one item. */
export function derSetOf(item: Uint8Array): Uint8Array {
  return derValue(0x31, item);
}

/** A non-negative INTEGER from big-endian bytes. */
export function derInteger(bytes: Uint8Array): Uint8Array {
  let start = 0;
  while (start < bytes.length - 1 && bytes[start] === 0) start++;
  const trimmed = bytes.subarray(start);
  // A set top bit would make it negative.
  return derValue(0x02, (trimmed[0] ?? 0) & 0x80 ? concat([Uint8Array.of(0), trimmed]) : trimmed);
}

/** An OBJECT IDENTIFIER from its dotted form. */
export function derOid(dotted: string): Uint8Array {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  return derValue(0x06, Uint8Array.from([first * 40 + second, ...rest.flatMap(base128)]));
}

/** A UTF8String. */
export function derText(text: string): Uint8Array {
  return derValue(0x0c, new TextEncoder().encode(text));
}

/** A UTCTime, which X.509 wants for years before 2050 (RFC 5280, 4.1.2.5). */
export function derTime(date: Date): Uint8Array {
  const digits = date.toISOString().replace(/[-:T]/g, '').slice(2, 14);
  return derValue(0x17, new TextEncoder().encode(`${digits}Z`));
}

/** BOOLEAN TRUE. */
export function derTrue(): Uint8Array {
  return derValue(0x01, Uint8Array.of(0xff));
}

/** NULL. */
export function derNull(): Uint8Array {
  return derValue(0x05, new Uint8Array());
}

/** An OCTET STRING. */
export function derOctets(bytes: Uint8Array): Uint8Array {
  return derValue(0x04, bytes);
}

/** A BIT STRING; `unusedBits` of its last byte do not count. */
export function derBits(bytes: Uint8Array, unusedBits = 0): Uint8Array {
  return derValue(0x03, concat([Uint8Array.of(unusedBits), bytes]));
}

/** A value under an explicit context tag. */
export function derExplicit(tag: number, item: Uint8Array): Uint8Array {
  return derValue(0xa0 + tag, item);
}

function derValue(tag: number, content: Uint8Array): Uint8Array {
  return concat([Uint8Array.of(tag, ...lengthBytes(content.length)), content]);
}

function lengthBytes(length: number): number[] {
  if (length < 0x80) return [length];
  const bytes: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256);
  return [0x80 + bytes.length, ...bytes];
}

function base128(value: number): number[] {
  const bytes = [value % 128];
  for (let rest = Math.floor(value / 128); rest > 0; rest = Math.floor(rest / 128)) bytes.unshift(128 + (rest % 128));
  return bytes;
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
