import { encodeBase64 } from './encoding.ts';
import { type FunctionContext, FunctionFailure, type FunctionTable, fn, type TemplateFunction } from './function.ts';

const DIGITS = '0123456789';
const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const PRINTABLE = Array.from({ length: 95 }, (_none, index) => String.fromCharCode(32 + index)).join('');

/** Random text may be as long as this. */
const MAX_LENGTH = 65_536;

/** Chance: a new value at each rendering. */
export const RANDOM_FUNCTIONS: FunctionTable = {
  randAlphaNum: textOf(LETTERS + DIGITS),
  randAlpha: textOf(LETTERS),
  randNumeric: textOf(DIGITS),
  randAscii: textOf(PRINTABLE),
  randBytes: fn(['int'], (context, count) => encodeBase64(context.host.randomBytes(checkLength(count)))),
  randInt: fn(['int', 'int'], (context, least, limit) => {
    if (limit <= least) throw new FunctionFailure('the second number must be larger than the first');
    return BigInt(least + below(context, limit - least));
  }),
  shuffle: fn(['string'], (context, text) => shuffle(context, Array.from(text)).join('')),
  uuidv4: fn([], (context) => uuid(context.host.randomBytes(16))),
};

function textOf(alphabet: string): TemplateFunction {
  return fn(['int'], (context, count) => {
    context.budget.step(checkLength(count));
    const letters = Array.from({ length: checkLength(count) }, () => alphabet.charAt(below(context, alphabet.length)));
    return letters.join('');
  });
}

function checkLength(count: number): number {
  if (count < 0 || count > MAX_LENGTH) throw new FunctionFailure(`the length must be from 0 to ${MAX_LENGTH}`);
  return count;
}

/** A number from 0 to limit - 1, each as likely as the others. */
function below(context: FunctionContext, limit: number): number {
  const size = limit <= 256 ? 1 : 6;
  const range = 256 ** size;
  for (;;) {
    const value = context.host.randomBytes(size).reduce((sum, byte) => sum * 256 + byte, 0);
    if (value < range - (range % limit)) return value % limit;
  }
}

function shuffle(context: FunctionContext, items: string[]): string[] {
  context.budget.step(items.length);
  for (let at = items.length - 1; at > 0; at -= 1) {
    const other = below(context, at + 1);
    [items[at], items[other]] = [items[other] ?? '', items[at] ?? ''];
  }
  return items;
}

function uuid(bytes: Uint8Array): string {
  const marked = bytes.map((byte, index) =>
    index === 6 ? (byte & 0x0f) | 0x40 : index === 8 ? (byte & 0x3f) | 0x80 : byte,
  );
  const hex = Array.from(marked, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
