import type { NumberNode } from './node.ts';

const ESCAPES: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
};
const ESCAPE = /\\(?:x([\da-fA-F]{2})|u([\da-fA-F]{4})|U([\da-fA-F]{8})|([0-7]{3})|([\s\S]))/g;

/** Text of a quoted string or character constant of Go (quotes included), or undefined when an escape is wrong. */
export function unquote(quoted: string): string | undefined {
  const quote = quoted[0];
  let bad = false;
  const text = quoted.slice(1, -1).replaceAll(ESCAPE, (_all, hex, short, long, octal, simple) => {
    const digits: string | undefined = hex ?? short ?? long;
    const code = digits === undefined ? Number.parseInt(octal ?? '0', 8) : Number.parseInt(digits, 16);
    if (simple === undefined) {
      const surrogate = code >= 0xd800 && code < 0xe000;
      bad ||= code > 0x10ffff || (surrogate && hex === undefined);
      return bad ? '' : String.fromCodePoint(code);
    }
    const plain = simple === quote ? simple : ESCAPES[simple];
    bad ||= plain === undefined;
    return plain ?? '';
  });
  return bad ? undefined : text;
}

/** A character constant as its code point, or undefined. */
export function parseCharacter(quoted: string, offset: number): NumberNode | undefined {
  const text = unquote(quoted);
  if (text === undefined || Array.from(text).length !== 1) return undefined;
  const code = text.codePointAt(0) ?? 0;
  return { kind: 'number', offset, integer: BigInt(code), float: code, isFloat: false };
}

/** A number constant, or undefined when it is none or does not fit 64 bits. */
export function parseNumber(text: string, offset: number): NumberNode | undefined {
  if (/^_|__|_$|_[.eE]|[.eE]_/.test(text.replace(/^[+-]/, ''))) return undefined;
  const plain = text.replaceAll('_', '');
  const isFloat = /[.eE]/.test(plain) && !/^[+-]?0[xX]/.test(plain);
  if (isFloat) {
    const float = Number(plain);
    if (!Number.isFinite(float)) return undefined;
    const integer = Number.isSafeInteger(float) ? BigInt(float) : undefined;
    return { kind: 'number', offset, integer, float, isFloat };
  }
  const negative = plain.startsWith('-');
  const digits = plain.replace(/^[+-]/, '').replace(/^0+(?=[0-7]+$)(?!$)/, '0o');
  const integer = parseBigInt(digits, negative);
  if (integer === undefined || BigInt.asIntN(64, integer) !== integer) return undefined;
  return { kind: 'number', offset, integer, float: Number(integer), isFloat };
}

function parseBigInt(digits: string, negative: boolean): bigint | undefined {
  if (/^0\d/.test(digits) || /^0[xob]$/i.test(digits)) return undefined;
  try {
    return negative ? -BigInt(digits) : BigInt(digits);
  } catch {
    return undefined;
  }
}
