import { errorAt, type TemplateSource } from './location.ts';
import type { Token, TokenKind } from './token.ts';

const KEYWORDS = new Set(['block', 'break', 'continue', 'define', 'else', 'end', 'if', 'range', 'template', 'with']);
const SPACE = /[ \t\r\n]*/y;
const NAME = /[\p{L}\p{Nd}_]*/uy;
const NUMBER = /[+-]?(?:0[xX][\da-fA-F_]*|0[oO][0-7_]*|0[bB][01_]*|[\d_]*(?:\.[\d_]*)?(?:[eE][+-]?[\d_]*)?)/y;
const QUOTED = /"(?:[^"\\\n]|\\[^\n])*"/y;
const CHARACTER = /'(?:[^'\\\n]|\\[^\n])*'/y;

/** Tokens of a template; text between actions is already trimmed. Throws TemplateError TEMPLATE_INVALID. */
export function tokenize(source: TemplateSource): Token[] {
  return new Lexer(source).run();
}

class Lexer {
  readonly #source: TemplateSource;
  readonly #tokens: Token[] = [];
  #at = 0;
  #parens = 0;

  constructor(source: TemplateSource) {
    this.#source = source;
  }

  run(): Token[] {
    const { text } = this.#source;
    let trimNext = false;
    for (;;) {
      const open = text.indexOf('{{', this.#at);
      const trimmed = open >= 0 && text[open + 2] === '-' && isSpace(text[open + 3]);
      let piece = text.slice(this.#at, open < 0 ? text.length : open);
      const start = this.#at;
      if (trimNext) piece = piece.replace(/^[ \t\r\n]+/, '');
      if (trimmed) piece = trimEnd(piece);
      if (piece !== '') this.#tokens.push({ kind: 'text', text: piece, offset: start });
      if (open < 0) {
        this.#tokens.push({ kind: 'end', text: '', offset: text.length });
        return this.#tokens;
      }
      this.#at = open + (trimmed ? 3 : 2);
      trimNext = this.#skipComment(open, trimmed) ?? this.#action(open);
    }
  }

  /** Whether the text after the comment is trimmed; undefined when there is no comment here. */
  #skipComment(open: number, trimmed: boolean): boolean | undefined {
    const { text } = this.#source;
    const start = trimmed ? this.#at + 1 : this.#at;
    if (!text.startsWith('/*', start)) return undefined;
    const close = text.indexOf('*/', start + 2);
    if (close < 0) throw this.#error(open, 'this comment is not closed');
    const rest = close + 2;
    if (text.startsWith('}}', rest)) {
      this.#at = rest + 2;
      return false;
    }
    if (isSpace(text[rest]) && text.startsWith('-}}', rest + 1)) {
      this.#at = rest + 4;
      return true;
    }
    throw this.#error(rest, 'after a comment only }} may follow');
  }

  /** Tokens of one action; whether the text after it is trimmed. */
  #action(open: number): boolean {
    const { text } = this.#source;
    this.#tokens.push({ kind: 'left', text: '{{', offset: open });
    this.#parens = 0;
    for (;;) {
      const trim = isSpace(text[this.#at]) && text.startsWith('-}}', this.#at + 1);
      if (trim || text.startsWith('}}', this.#at)) {
        if (this.#parens > 0) throw this.#error(this.#at, 'a parenthesis is not closed');
        this.#push('right', trim ? 4 : 2);
        return trim;
      }
      if (this.#at >= text.length) throw this.#error(open, 'this action is not closed');
      this.#inside();
    }
  }

  #inside(): void {
    const { text } = this.#source;
    const next = text[this.#at] ?? '';
    const following = text[this.#at + 1] ?? '';
    if (isSpace(next)) return this.#spaces();
    if (next === ':' && following === '=') return this.#push(':=', 2);
    if (next === '=' || next === '|' || next === ',') return this.#push(next, 1);
    if (next === '"') return this.#push('string', this.#match(QUOTED, 'this string is not closed').length);
    if (next === "'") return this.#push('character', this.#match(CHARACTER, 'this character is not closed').length);
    if (next === '`') return this.#rawString();
    if (next === '(' || next === ')') return this.#paren(next);
    if (next === '$') return this.#name('variable', 1);
    if (next === '.' && !/\d/.test(following)) return this.#name('field', 1);
    if (/[+\-\d.]/.test(next)) return this.#number();
    if (/[\p{L}_]/u.test(String.fromCodePoint(text.codePointAt(this.#at) ?? 0))) return this.#name('word', 0);
    throw this.#error(this.#at, `unexpected character ${JSON.stringify(next)} in an action`);
  }

  /** Spaces up to the next token; one space before -}} belongs to the trim marker. */
  #spaces(): void {
    const { text } = this.#source;
    const length = matchAt(SPACE, text, this.#at)?.length ?? 0;
    const marker = text.startsWith('-}}', this.#at + length);
    if (length > (marker ? 1 : 0)) this.#push('space', marker ? length - 1 : length);
  }

  #rawString(): void {
    const close = this.#source.text.indexOf('`', this.#at + 1);
    if (close < 0) throw this.#error(this.#at, 'this raw string is not closed');
    this.#push('raw-string', close + 1 - this.#at);
  }

  #paren(kind: '(' | ')'): void {
    this.#parens += kind === '(' ? 1 : -1;
    if (this.#parens < 0) throw this.#error(this.#at, 'unexpected )');
    this.#push(kind, 1);
  }

  #number(): void {
    const { text } = this.#source;
    let length = matchAt(NUMBER, text, this.#at)?.length ?? 0;
    const tail = matchAt(NAME, text, this.#at + length)?.length ?? 0;
    length += tail;
    if (tail > 0 || length === 0 || !/\d/.test(text.slice(this.#at, this.#at + length))) {
      throw this.#error(
        this.#at,
        `${JSON.stringify(text.slice(this.#at, this.#at + Math.max(length, 1)))} is not a number`,
      );
    }
    this.#push('number', length);
  }

  #name(kind: 'variable' | 'field' | 'word', prefix: number): void {
    const { text } = this.#source;
    const name = matchAt(NAME, text, this.#at + prefix) ?? '';
    const end = this.#at + prefix + name.length;
    const after = text[end];
    const terminated = after === undefined || /[ \t\r\n.,|:()]/.test(after) || text.startsWith('}}', end);
    if (!terminated)
      throw this.#error(end, `unexpected character ${JSON.stringify(after)} after ${text.slice(this.#at, end)}`);
    if (kind === 'field' && name === '') return this.#push('dot', 1);
    this.#push(kind === 'word' ? wordKind(name) : kind, prefix + name.length);
  }

  #match(pattern: RegExp, message: string): string {
    const found = matchAt(pattern, this.#source.text, this.#at);
    if (found === undefined) throw this.#error(this.#at, message);
    return found;
  }

  #push(kind: TokenKind, length: number): void {
    const text = this.#source.text.slice(this.#at, this.#at + length);
    this.#tokens.push({ kind, text, offset: this.#at });
    this.#at += length;
  }

  #error(offset: number, message: string) {
    return errorAt(this.#source, offset, 'TEMPLATE_INVALID', message);
  }
}

function wordKind(word: string): TokenKind {
  if (KEYWORDS.has(word)) return 'keyword';
  if (word === 'true' || word === 'false') return 'bool';
  return word === 'nil' ? 'nil' : 'word';
}

function isSpace(character: string | undefined): boolean {
  return character === ' ' || character === '\t' || character === '\r' || character === '\n';
}

/** trimEnd of the four characters that templates call space; a regular expression would be quadratic here. */
function trimEnd(text: string): string {
  let end = text.length;
  while (end > 0 && isSpace(text[end - 1])) end -= 1;
  return text.slice(0, end);
}

function matchAt(pattern: RegExp, text: string, at: number): string | undefined {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0];
}
