import { type FormatFlags, formatOperand } from './format-operand.ts';
import { typeOf } from './kind.ts';
import { printValue } from './print.ts';
import type { Value } from './value.ts';

/** Go gives up on wider fields too. */
const MAX_WIDTH = 100_000;

/** `printf`: Go's fmt.Sprintf. What does not fit is shown in the text as Go does, `%!d(string=x)`; it never fails. */
export function sprintf(format: string, operands: readonly Value[]): string {
  return new Formatter(format, operands).run();
}

class Formatter {
  readonly #format: string;
  readonly #operands: readonly Value[];
  #at = 0;
  #operand = 0;
  #reordered = false;

  constructor(format: string, operands: readonly Value[]) {
    this.#format = format;
    this.#operands = operands;
  }

  run(): string {
    let out = '';
    while (this.#at < this.#format.length) {
      const percent = this.#format.indexOf('%', this.#at);
      if (percent < 0) {
        out += this.#format.slice(this.#at);
        break;
      }
      out += this.#format.slice(this.#at, percent);
      this.#at = percent + 1;
      out += this.#directive();
    }
    return out + this.#extra();
  }

  #directive(): string {
    const flags: FormatFlags = { minus: false, plus: false, sharp: false, space: false, zero: false };
    this.#flags(flags);
    let badIndex = !this.#index();
    const width = this.#count();
    if (width === 'bad') badIndex ||= true;
    const wide = typeof width === 'number' ? width : undefined;
    if (wide !== undefined && wide < 0) flags.minus = true;
    if (wide !== undefined) flags.width = Math.abs(wide);
    if (this.#format[this.#at] === '.') {
      this.#at += 1;
      badIndex = !this.#index() || badIndex;
      const precision = this.#count();
      flags.precision = typeof precision === 'number' && precision >= 0 ? precision : 0;
    }
    badIndex = !this.#index() || badIndex;
    const code = this.#format.codePointAt(this.#at);
    if (code === undefined) return '%!(NOVERB)';
    const verb = String.fromCodePoint(code);
    this.#at += verb.length;
    if (verb === '%') return '%';
    if (badIndex) return `%!${verb}(BADINDEX)`;
    if (this.#operand >= this.#operands.length) return `%!${verb}(MISSING)`;
    const operand = this.#operands[this.#operand];
    this.#operand += 1;
    return formatOperand(verb, operand, flags);
  }

  #flags(flags: FormatFlags): void {
    for (;;) {
      const mark = this.#format[this.#at];
      if (mark === '-') flags.minus = true;
      else if (mark === '+') flags.plus = true;
      else if (mark === '#') flags.sharp = true;
      else if (mark === ' ') flags.space = true;
      else if (mark === '0') flags.zero = true;
      else return;
      this.#at += 1;
    }
  }

  /** `[2]` chooses the operand; false when there is no such one. */
  #index(): boolean {
    if (this.#format[this.#at] !== '[') return true;
    const [all, digits] = /^\[(\d{1,6})\]/.exec(this.#format.slice(this.#at, this.#at + 10)) ?? [];
    const close = this.#format.indexOf(']', this.#at);
    this.#reordered = true;
    this.#at = all === undefined ? (close < 0 ? this.#at + 1 : close + 1) : this.#at + all.length;
    const index = Number(digits ?? 0) - 1;
    if (index < 0 || index >= this.#operands.length) return false;
    this.#operand = index;
    return true;
  }

  /** A width or precision: digits, or `*` for the next operand. */
  #count(): number | 'bad' | undefined {
    if (this.#format[this.#at] === '*') {
      this.#at += 1;
      const operand = this.#operands[this.#operand];
      this.#operand += 1;
      return typeof operand === 'bigint' && operand <= MAX_WIDTH && operand >= -MAX_WIDTH ? Number(operand) : 'bad';
    }
    const digits = /^\d+/.exec(this.#format.slice(this.#at, this.#at + 20))?.[0];
    if (digits === undefined) return undefined;
    this.#at += digits.length;
    return Math.min(Number(digits), MAX_WIDTH);
  }

  /** Operands that no directive used. */
  #extra(): string {
    const rest = this.#operands.slice(this.#operand);
    if (this.#reordered || rest.length === 0) return '';
    const shown = rest.map((value) =>
      value === undefined || value === null ? '<nil>' : `${typeOf(value)}=${printValue(value)}`,
    );
    return `%!(EXTRA ${shown.join(', ')})`;
  }
}
