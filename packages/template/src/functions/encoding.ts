import { type FunctionContext, FunctionFailure, type FunctionTable, fn, type TemplateFunction } from './function.ts';

const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** Encodings and digests of text, as UTF-8. */
export const ENCODING_FUNCTIONS: FunctionTable = {
  b64enc: fn(['string'], (_context, text) => encodeBase64(new TextEncoder().encode(text))),
  b64dec: fn(['string'], (_context, text) => decodeBase64(text)),
  b32enc: fn(['string'], (_context, text) => encodeBase32(new TextEncoder().encode(text))),
  b32dec: fn(['string'], (_context, text) => decodeBase32(text)),
  sha1sum: digest('sha1'),
  sha256sum: digest('sha256'),
  sha512sum: digest('sha512'),
  adler32sum: fn(['string'], (_context, text) => String(adler32(new TextEncoder().encode(text)))),
};

/** Bytes in base64 with padding. */
export function encodeBase64(bytes: Uint8Array): string {
  let binary = '';
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary);
}

function decodeBase64(text: string): string {
  const plain = text.replaceAll(/[\r\n]/g, '');
  if (plain.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(plain))
    throw new FunctionFailure('the text is not base64');
  return new TextDecoder().decode(Uint8Array.from(atob(plain), (character) => character.charCodeAt(0)));
}

function encodeBase32(bytes: Uint8Array): string {
  let out = '';
  let bits = 0;
  let held = 0;
  for (const byte of bytes) {
    held = ((held << 8) | byte) & 0xfff;
    bits += 8;
    for (; bits >= 5; bits -= 5) out += BASE32[(held >> (bits - 5)) & 31];
  }
  if (bits > 0) out += BASE32[(held << (5 - bits)) & 31];
  return out.padEnd(Math.ceil(out.length / 8) * 8, '=');
}

function decodeBase32(text: string): string {
  if (text.length % 8 !== 0 || !/^[A-Z2-7]*={0,6}$/.test(text)) throw new FunctionFailure('the text is not base32');
  const bytes: number[] = [];
  let bits = 0;
  let held = 0;
  for (const character of text.replaceAll('=', '')) {
    held = ((held << 5) | BASE32.indexOf(character)) & 0xfff;
    bits += 5;
    if (bits < 8) continue;
    bits -= 8;
    bytes.push((held >> bits) & 255);
  }
  return new TextDecoder().decode(Uint8Array.from(bytes));
}

function digest(algorithm: 'sha1' | 'sha256' | 'sha512'): TemplateFunction {
  return fn(['string'], (context: FunctionContext, text) =>
    hex(context.host.hash(algorithm, new TextEncoder().encode(text))),
  );
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

function adler32(bytes: Uint8Array): number {
  let low = 1;
  let high = 0;
  for (const byte of bytes) {
    low = (low + byte) % 65521;
    high = (high + low) % 65521;
  }
  return high * 65536 + low;
}
