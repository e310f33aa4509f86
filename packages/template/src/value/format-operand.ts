import { formatFloat } from './float.ts';
import { GoTime } from './go-time.ts';
import { sortedKeys, typeOf } from './kind.ts';
import { printGoSource, printValue } from './print.ts';
import { quote } from './quote.ts';
import { SemanticVersion } from './semantic-version.ts';
import type { Value } from './value.ts';

/** What may stand between % and the verb. */
export interface FormatFlags {
  minus: boolean;
  plus: boolean;
  sharp: boolean;
  space: boolean;
  zero: boolean;
  width?: number;
  precision?: number;
}

const INTEGER_BASES: Readonly<Record<string, number>> = { d: 10, b: 2, o: 8, O: 8, x: 16, X: 16, v: 10 };

/** One operand printed by one verb. */
export function formatOperand(verb: string, value: Value, given: FormatFlags): string {
  // The plus of %+v asks for field names of structs, which there are none of.
  const flags = verb === 'v' && given.plus ? { ...given, plus: false } : given;
  if (verb === 'T') return pad(typeOf(value), flags);
  if (value === undefined || value === null) return verb === 'v' ? pad('<nil>', flags) : `%!${verb}(<nil>)`;
  if (verb === 'v' && flags.sharp && typeof value === 'object') return printGoSource(value);
  switch (typeof value) {
    case 'string':
      return formatText(verb, value, flags);
    case 'boolean':
      return verb === 't' || verb === 'v' ? pad(String(value), { ...flags, zero: false }) : mismatch(verb, value);
    case 'bigint':
      return formatInteger(verb, value, flags);
    case 'number':
      return formatNumber(verb, value, flags);
    default:
      return formatObject(verb, value, flags);
  }
}

function formatObject(
  verb: string,
  value: Exclude<Value, undefined | null | string | boolean | bigint | number>,
  flags: FormatFlags,
): string {
  if (Array.isArray(value)) return `[${value.map((item) => formatOperand(verb, item, flags)).join(' ')}]`;
  if (value instanceof GoTime || value instanceof SemanticVersion) return formatText(verb, printValue(value), flags);
  const entries = sortedKeys(value).map(
    (key) => `${formatOperand(verb, key, flags)}:${formatOperand(verb, value.get(key), flags)}`,
  );
  return `map[${entries.join(' ')}]`;
}

function formatText(verb: string, value: string, flags: FormatFlags): string {
  const text = flags.precision === undefined ? value : Array.from(value).slice(0, flags.precision).join('');
  switch (verb) {
    case 's':
      return pad(text, flags);
    case 'v':
      return pad(flags.sharp ? quote(text) : text, flags);
    case 'q':
      return pad(flags.sharp && canBackquote(text) ? `\`${text}\`` : quote(text, '"', flags.plus), flags);
    case 'x':
    case 'X':
      return pad(hex(text, verb, flags), flags);
    default:
      return mismatch(verb, value);
  }
}

function hex(text: string, verb: 'x' | 'X', flags: FormatFlags): string {
  const bytes = [...new TextEncoder().encode(text)].map((byte) => byte.toString(16).padStart(2, '0'));
  const prefix = flags.sharp ? '0x' : '';
  const out = flags.space
    ? bytes.map((byte) => prefix + byte).join(' ')
    : (bytes.length > 0 ? prefix : '') + bytes.join('');
  return verb === 'X' ? out.toUpperCase() : out;
}

function canBackquote(text: string): boolean {
  return !/[`\x00-\x08\x0a-\x1f\x7f\ufeff]/.test(text);
}

function formatInteger(verb: string, value: bigint, flags: FormatFlags): string {
  if (verb === 'c') return pad(codePointText(value), flags);
  if (verb === 'q') return pad(quote(codePointText(value), "'", flags.plus), flags);
  if (verb === 'U') return pad(`U+${value.toString(16).toUpperCase().padStart(4, '0')}`, { ...flags, zero: false });
  const base = INTEGER_BASES[verb];
  if (base === undefined) return mismatch(verb, value);
  const negative = value < 0n;
  let digits = (negative ? -value : value).toString(base);
  if (flags.precision !== undefined)
    digits = flags.precision === 0 && value === 0n ? '' : digits.padStart(flags.precision, '0');
  if (digits === '') return pad('', { ...flags, zero: false });
  const prefix = integerPrefix(verb, digits, flags);
  const sign = negative ? '-' : flags.plus ? '+' : flags.space ? ' ' : '';
  if (flags.zero && !flags.minus && flags.precision === undefined && flags.width !== undefined) {
    digits = digits.padStart(flags.width - sign.length, '0');
  }
  const out = sign + prefix + (verb === 'X' ? digits.toUpperCase() : digits);
  return pad(out, { ...flags, zero: false });
}

function integerPrefix(verb: string, digits: string, flags: FormatFlags): string {
  if (verb === 'O') return '0o';
  if (!flags.sharp) return '';
  if (verb === 'x' || verb === 'X') return `0${verb}`;
  if (verb === 'b') return '0b';
  return verb === 'o' && !digits.startsWith('0') ? '0' : '';
}

function codePointText(value: bigint): string {
  return value >= 0n && value <= 0x10ffffn && (value < 0xd800n || value > 0xdfffn)
    ? String.fromCodePoint(Number(value))
    : '\ufffd';
}

function formatNumber(verb: string, value: number, flags: FormatFlags): string {
  const lower = verb.toLowerCase();
  if (!['v', 'e', 'f', 'g'].includes(lower) || verb === 'V') return mismatch(verb, value);
  const shape = lower === 'v' ? 'g' : (lower as 'e' | 'f' | 'g');
  const precision = flags.precision ?? (shape === 'g' ? -1 : 6);
  let text = formatFloat(value, shape, precision);
  if (verb === 'E' || verb === 'G') text = text.toUpperCase();
  const signed = /^[+-]/.test(text);
  const sign = text.startsWith('-') ? '-' : flags.plus || text === '+Inf' ? '+' : flags.space ? ' ' : '';
  let digits = signed ? text.slice(1) : text;
  const finite = Number.isFinite(value);
  if (flags.zero && !flags.minus && flags.width !== undefined && finite) {
    digits = digits.padStart(flags.width - sign.length, '0');
  }
  return pad(sign + digits, { ...flags, zero: false });
}

/** Pads to the width, counted in characters. */
function pad(text: string, flags: FormatFlags): string {
  const missing = (flags.width ?? 0) - Array.from(text).length;
  if (missing <= 0) return text;
  if (flags.minus) return text + ' '.repeat(missing);
  return (flags.zero ? '0' : ' ').repeat(missing) + text;
}

function mismatch(verb: string, value: Value): string {
  return `%!${verb}(${typeOf(value)}=${printValue(value)})`;
}
