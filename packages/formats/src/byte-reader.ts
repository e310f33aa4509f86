import { FormatsError } from './error.ts';
import { decodeLatin1 } from './tar/byte-path.ts';

/**
 * Bounds-checked little-endian reads from hostile bytes. Reads past the end throw `FORMAT_TRUNCATED` naming the
 * structure, so that parsers need no length checks of their own.
 */
export class ByteReader {
  readonly bytes: Uint8Array;
  readonly #view: DataView;
  readonly #what: string;

  /** `what` names the structure in messages, for example `GPT header`. */
  constructor(bytes: Uint8Array, what: string) {
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#what = what;
  }

  get length(): number {
    return this.bytes.length;
  }

  u8(offset: number): number {
    this.#check(offset, 1);
    return this.#view.getUint8(offset);
  }

  u16(offset: number): number {
    this.#check(offset, 2);
    return this.#view.getUint16(offset, true);
  }

  u32(offset: number): number {
    this.#check(offset, 4);
    return this.#view.getUint32(offset, true);
  }

  u32be(offset: number): number {
    this.#check(offset, 4);
    return this.#view.getUint32(offset, false);
  }

  u64(offset: number): bigint {
    this.#check(offset, 8);
    return this.#view.getBigUint64(offset, true);
  }

  u64be(offset: number): bigint {
    this.#check(offset, 8);
    return this.#view.getBigUint64(offset, false);
  }

  /** A 64-bit count or offset as a number; beyond 2^53 it cannot be genuine and is `FORMAT_INVALID`. */
  size64(offset: number): number {
    return this.#toNumber(this.u64(offset), offset);
  }

  /** As {@link size64}, big-endian. */
  size64be(offset: number): number {
    return this.#toNumber(this.u64be(offset), offset);
  }

  /** A view of `length` bytes, not a copy. */
  slice(offset: number, length: number): Uint8Array {
    this.#check(offset, length);
    return this.bytes.subarray(offset, offset + length);
  }

  /** `length` bytes as latin-1, one character a byte. */
  latin1(offset: number, length: number): string {
    return decodeLatin1(this.slice(offset, length));
  }

  /** Latin-1 text that ends at the first NUL, or after `maxLength` bytes when there is none. */
  cString(offset: number, maxLength: number): string {
    const field = this.slice(offset, Math.min(maxLength, Math.max(0, this.length - offset)));
    const end = field.indexOf(0);
    return decodeLatin1(end < 0 ? field : field.subarray(0, end));
  }

  #check(offset: number, length: number): void {
    if (offset >= 0 && length >= 0 && offset + length <= this.bytes.length) return;
    throw new FormatsError({
      code: 'FORMAT_TRUNCATED',
      message: `${this.#what}: ${length} bytes are expected at offset ${offset}, but the data has ${this.bytes.length} bytes`,
      details: { offset, length, available: this.bytes.length },
    });
  }

  #toNumber(value: bigint, offset: number): number {
    if (value <= BigInt(Number.MAX_SAFE_INTEGER)) return Number(value);
    throw new FormatsError({
      code: 'FORMAT_INVALID',
      message: `${this.#what}: the size ${value} at offset ${offset} is impossible`,
    });
  }
}

/** One array out of many. */
export function concatBytes(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** `value` rounded up to a multiple of `alignment`. Exact for all safe integers. */
export function alignUp(value: number, alignment: number): number {
  const rest = value % alignment;
  return rest === 0 ? value : value + alignment - rest;
}
