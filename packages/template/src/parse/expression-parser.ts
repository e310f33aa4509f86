import { parseCharacter, parseNumber, unquote } from './literal.ts';
import { errorAt, type TemplateSource } from './location.ts';
import type { Command, Operand, Pipeline } from './node.ts';
import { describeToken, type Token } from './token.ts';

/** Parentheses inside one another; deeper ones are refused. */
const MAX_PARENTHESES = 100;

/** Reads what stands between {{ and }}; knows which variables and functions there are. */
export class ExpressionParser {
  readonly #source: TemplateSource;
  readonly #tokens: Token[];
  readonly #isFunction: (name: string) => true | string;
  #variables: string[] = ['$'];
  #at = 0;
  #depth = 0;

  constructor(source: TemplateSource, tokens: Token[], isFunction: (name: string) => true | string) {
    this.#source = source;
    this.#tokens = tokens;
    this.#isFunction = isFunction;
  }

  peek(): Token {
    return this.#tokens[this.#at] ?? { kind: 'end', text: '', offset: this.#source.text.length };
  }

  next(): Token {
    const token = this.peek();
    this.#at += 1;
    return token;
  }

  /** The next token that is not space. */
  nextSolid(): Token {
    this.#skipSpace();
    return this.next();
  }

  /** Whether an action that starts with `keyword` comes next. */
  startsAction(keyword: string): boolean {
    if (this.peek().kind !== 'left') return false;
    const first = this.#tokens.slice(this.#at + 1, this.#at + 3).find((token) => token.kind !== 'space');
    return first?.kind === 'keyword' && first.text === keyword;
  }

  /** Takes the keyword that comes next, if one does. */
  nextKeyword(): string | undefined {
    const start = this.#at;
    const token = this.nextSolid();
    if (token.kind === 'keyword') return token.text;
    this.#at = start;
    return undefined;
  }

  closeAction(context: string): void {
    const token = this.nextSolid();
    if (token.kind !== 'right') throw this.#unexpected(token, context);
  }

  openScope(): number {
    return this.#variables.length;
  }

  closeScope(mark: number): void {
    this.#variables.length = mark;
  }

  replaceScope(variables: string[]): string[] {
    const previous = this.#variables;
    this.#variables = variables;
    return previous;
  }

  optionalPipeline(context: string): Pipeline | undefined {
    this.#skipSpace();
    if (this.peek().kind !== 'right') return this.actionPipeline(context);
    this.next();
    return undefined;
  }

  /** A pipeline up to the end of the action. */
  actionPipeline(context: string): Pipeline {
    return this.#pipeline(context, 'right');
  }

  #pipeline(context: string, close: 'right' | ')'): Pipeline {
    this.#skipSpace();
    const { offset } = this.peek();
    const { variables, assigns } = this.#declarations(context);
    const commands: Command[] = [];
    for (;;) {
      const token = this.nextSolid();
      if (token.kind === close) break;
      this.#at -= 1;
      if (!startsOperand(token)) throw this.#unexpected(token, context);
      commands.push(this.#command(commands.length));
    }
    if (commands.length === 0) throw this.#error(offset, `missing value for ${context}`);
    this.#variables.push(...(assigns ? [] : variables));
    return { kind: 'pipeline', offset, variables, assigns, commands };
  }

  /** `$x :=`, `$x =` and, in a range, `$i, $x :=`. */
  #declarations(context: string): { variables: string[]; assigns: boolean } {
    const start = this.#at;
    const variables: string[] = [];
    for (;;) {
      const token = this.nextSolid();
      if (token.kind !== 'variable') break;
      variables.push(token.text);
      const sign = this.nextSolid();
      if (sign.kind === ':=' || sign.kind === '=') {
        if (sign.kind === '=') for (const name of variables) this.#checkVariable(name, token.offset);
        return { variables, assigns: sign.kind === '=' };
      }
      if (sign.kind !== ',') break;
      if (context !== 'range' || variables.length > 1)
        throw this.#error(token.offset, `too many variables in ${context}`);
    }
    this.#at = start;
    return { variables: [], assigns: false };
  }

  #command(index: number): Command {
    const { offset } = this.peek();
    const operands: Operand[] = [];
    for (;;) {
      this.#skipSpace();
      if (!startsOperand(this.peek())) break;
      operands.push(this.#operand());
      const token = this.peek();
      if (token.kind === 'space') continue;
      if (token.kind === '|') {
        const { offset: pipe } = this.next();
        this.#skipSpace();
        if (!startsOperand(this.peek())) throw this.#error(pipe, 'nothing follows |');
        break;
      }
      if (token.kind === 'right' || token.kind === ')') break;
      throw this.#unexpected(token, 'operand');
    }
    this.#takePipe();
    const [first, ...rest] = operands;
    if (first === undefined) throw this.#error(offset, 'empty command');
    if (index > 0 && !isExecutable(first)) throw this.#error(first.offset, 'after | there must be a function');
    return { offset, operands: [first, ...rest] };
  }

  /** A pipe after a space: `a | b`. */
  #takePipe(): void {
    if (this.peek().kind !== '|') return;
    const { offset } = this.next();
    this.#skipSpace();
    if (!startsOperand(this.peek())) throw this.#error(offset, 'nothing follows |');
  }

  #operand(): Operand {
    const token = this.next();
    const operand = this.#term(token);
    const names: string[] = [];
    while (this.peek().kind === 'field') names.push(this.next().text.slice(1));
    if (names.length === 0) return operand;
    if (operand.kind === 'field' || operand.kind === 'variable') {
      operand.names.push(...names);
      return operand;
    }
    if (operand.kind === 'bool' || operand.kind === 'string' || operand.kind === 'number' || operand.kind === 'nil') {
      throw this.#error(token.offset, `a constant has no fields: unexpected .${names[0]}`);
    }
    if (operand.kind === 'dot') throw this.#error(token.offset, `unexpected .${names[0]} after .`);
    return { kind: 'chain', offset: token.offset, operand, names };
  }

  #term(token: Token): Operand {
    const { offset, text } = token;
    switch (token.kind) {
      case 'dot':
      case 'nil':
        return { kind: token.kind, offset };
      case 'bool':
        return { kind: 'bool', offset, value: text === 'true' };
      case 'field':
        return { kind: 'field', offset, names: [text.slice(1)] };
      case 'variable':
        this.#checkVariable(text, offset);
        return { kind: 'variable', offset, name: text, names: [] };
      case 'word':
        return this.#function(text, offset);
      case 'raw-string':
        return { kind: 'string', offset, value: text.slice(1, -1).replaceAll('\r', '') };
      case 'string':
        return { kind: 'string', offset, value: this.#must(unquote(text), offset, 'wrong escape in a string') };
      case 'character':
        return this.#must(parseCharacter(text, offset), offset, 'not one character');
      case 'number':
        return this.#must(parseNumber(text, offset), offset, `${text} is not a number of 64 bits`);
      case '(':
        return this.#parenthesis(offset);
      default:
        throw this.#unexpected(token, 'command');
    }
  }

  #function(name: string, offset: number): Operand {
    const known = this.#isFunction(name);
    if (known !== true) throw this.#error(offset, known);
    return { kind: 'function', offset, name };
  }

  #parenthesis(offset: number): Pipeline {
    this.#depth += 1;
    if (this.#depth > MAX_PARENTHESES) throw this.#error(offset, `more than ${MAX_PARENTHESES} parentheses`);
    const pipeline = this.#pipeline('parentheses', ')');
    this.#depth -= 1;
    return pipeline;
  }

  #checkVariable(name: string, offset: number): void {
    if (!this.#variables.includes(name)) throw this.#error(offset, `undefined variable ${name}`);
  }

  #must<T>(value: T | undefined, offset: number, message: string): T {
    if (value === undefined) throw this.#error(offset, message);
    return value;
  }

  #skipSpace(): void {
    if (this.peek().kind === 'space') this.#at += 1;
  }

  #unexpected(token: Token, context: string) {
    return this.#error(token.offset, `unexpected ${describeToken(token)} in ${context}`);
  }

  #error(offset: number, message: string) {
    return errorAt(this.#source, offset, 'TEMPLATE_INVALID', message);
  }
}

const OPERANDS = new Set<Token['kind']>([
  'bool',
  'character',
  'dot',
  'field',
  'word',
  'number',
  'nil',
  'raw-string',
  'string',
  'variable',
  '(',
]);

function startsOperand(token: Token): boolean {
  return OPERANDS.has(token.kind);
}

function isExecutable(operand: Operand): boolean {
  return !['bool', 'dot', 'nil', 'number', 'string'].includes(operand.kind);
}
