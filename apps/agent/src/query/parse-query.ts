import { type Comparison, QUERY_FUNCTIONS, type QueryNode } from './query-node.ts';
import { type QueryToken, queryInvalid, tokenizeQuery } from './query-token.ts';

const MAX_LENGTH = 4096;
const MAX_DEPTH = 50;
const COMPARISONS: readonly string[] = ['==', '!=', '<', '<=', '>', '>='];

/**
 * Parses a query in the language of jq, of which the common part is known. A query may leave out its first dot
 * (`users[0].name`). Throws AgentError QUERY_INVALID.
 */
export function parseQuery(query: string): QueryNode {
  if (query.length > MAX_LENGTH) throw queryInvalid(query.slice(0, 20), 0, `longer than ${MAX_LENGTH} characters`);
  const [first = '', second = ''] = tokenizeQuery(query).map(({ text }) => text);
  const isPath = /^[A-Za-z_]/.test(first) && (!isKnownWord(first) || second === '.' || second === '[');
  return new QueryParser(isPath ? `.${query.trimStart()}` : query).run();
}

function isKnownWord(word: string): boolean {
  return Object.hasOwn(QUERY_FUNCTIONS, word) || ['true', 'false', 'null'].includes(word);
}

class QueryParser {
  readonly #query: string;
  readonly #tokens: QueryToken[];
  #at = 0;
  #depth = 0;

  constructor(query: string) {
    this.#query = query;
    this.#tokens = tokenizeQuery(query);
  }

  run(): QueryNode {
    if (this.#peek().kind === 'end') return { kind: 'identity' };
    const node = this.#pipe();
    if (this.#peek().kind !== 'end') throw this.#unexpected();
    return node;
  }

  #pipe(): QueryNode {
    this.#depth += 1;
    if (this.#depth > MAX_DEPTH) throw queryInvalid(this.#query, this.#peek().at, 'nested too deeply');
    let left = this.#comma();
    while (this.#take('|')) left = { kind: 'pipe', left, right: this.#comma() };
    this.#depth -= 1;
    return left;
  }

  #comma(): QueryNode {
    let left = this.#alternative();
    while (this.#take(',')) left = { kind: 'comma', left, right: this.#alternative() };
    return left;
  }

  #alternative(): QueryNode {
    const sides = [this.#or()];
    while (this.#take('//')) sides.push(this.#or());
    // `//` binds to the right: the last side is what is left when all others are empty.
    return sides.reduceRight((right, left) => ({ kind: 'alternative', left, right }));
  }

  #or(): QueryNode {
    let left = this.#and();
    while (this.#takeWord('or')) left = { kind: 'or', left, right: this.#and() };
    return left;
  }

  #and(): QueryNode {
    let left = this.#comparison();
    while (this.#takeWord('and')) left = { kind: 'and', left, right: this.#comparison() };
    return left;
  }

  #comparison(): QueryNode {
    const left = this.#postfix();
    const { kind, text } = this.#peek();
    if (kind !== 'sign' || !COMPARISONS.includes(text)) return left;
    this.#at += 1;
    return { kind: 'compare', operator: text as Comparison, left, right: this.#postfix() };
  }

  #postfix(): QueryNode {
    let node = this.#term();
    for (;;) {
      if (this.#take('[')) node = this.#brackets(node);
      else if (this.#take('?')) node = { kind: 'try', body: node };
      else if (this.#take('.')) node = this.#take('[') ? this.#brackets(node) : this.#key(node);
      else return node;
    }
  }

  #term(): QueryNode {
    const token = this.#peek();
    if (token.kind === 'word') return this.#word(token);
    if (token.kind === 'number') return { kind: 'literal', value: Number(this.#next().text) };
    if (token.kind === 'string') return { kind: 'literal', value: this.#string() };
    if (this.#take('..')) return { kind: 'call', name: 'recurse', args: [] };
    if (this.#take('.')) return this.#path();
    if (this.#take('(')) return this.#closed(this.#pipe(), ')');
    if (this.#take('{')) return this.#object();
    if (this.#take('[')) return this.#take(']') ? { kind: 'array', body: undefined } : this.#array();
    if (this.#take('-') && this.#peek().kind === 'number')
      return { kind: 'literal', value: -Number(this.#next().text) };
    throw this.#unexpected();
  }

  #path(): QueryNode {
    const { kind } = this.#peek();
    return kind === 'word' || kind === 'string' ? this.#key({ kind: 'identity' }) : { kind: 'identity' };
  }

  #key(target: QueryNode): QueryNode {
    const token = this.#peek();
    if (token.kind === 'string') return { kind: 'index', target, key: { kind: 'literal', value: this.#string() } };
    if (token.kind !== 'word') throw this.#unexpected();
    return { kind: 'index', target, key: { kind: 'literal', value: this.#keyWord() } };
  }

  /** Keys of configurations may contain dashes, which jq itself would take for a subtraction. */
  #keyWord(): string {
    let word = this.#next();
    let text = word.text;
    while (this.#peek().text === '-' && this.#peek().at === word.at + word.text.length) {
      const dash = this.#next();
      const after = this.#peek();
      if (after.kind !== 'word' || after.at !== dash.at + 1) throw this.#unexpected();
      word = this.#next();
      text += `-${word.text}`;
    }
    return text;
  }

  #brackets(target: QueryNode): QueryNode {
    if (this.#take(']')) return { kind: 'iterate', target };
    const from = this.#bound();
    if (this.#take(':')) {
      const to = this.#bound();
      return this.#closed({ kind: 'slice', target, from, to }, ']');
    }
    const key: QueryNode = from === undefined ? this.#pipe() : { kind: 'literal', value: from };
    return this.#closed({ kind: 'index', target, key }, ']');
  }

  /** A whole number that a `]` or `:` follows. */
  #bound(): number | undefined {
    const start = this.#at;
    const sign = this.#take('-') ? -1 : 1;
    const token = this.#peek();
    const after = this.#tokens[this.#at + 1]?.text;
    if (token.kind === 'number' && (after === ']' || after === ':')) return sign * Number(this.#next().text);
    this.#at = start;
    return undefined;
  }

  #array(): QueryNode {
    return this.#closed({ kind: 'array', body: this.#pipe() }, ']');
  }

  #object(): QueryNode {
    const entries: { key: QueryNode; value: QueryNode }[] = [];
    if (this.#take('}')) return { kind: 'object', entries };
    do {
      entries.push(this.#entry());
    } while (this.#take(','));
    return this.#closed({ kind: 'object', entries }, '}');
  }

  #entry(): { key: QueryNode; value: QueryNode } {
    if (this.#take('(')) {
      const key = this.#closed(this.#pipe(), ')');
      this.#closed(key, ':');
      return { key, value: this.#alternative() };
    }
    const { kind } = this.#peek();
    if (kind !== 'word' && kind !== 'string') throw this.#unexpected();
    const key: QueryNode = { kind: 'literal', value: kind === 'string' ? this.#string() : this.#keyWord() };
    if (!this.#take(':')) return { key, value: { kind: 'index', target: { kind: 'identity' }, key } };
    return { key, value: this.#alternative() };
  }

  #word(token: QueryToken): QueryNode {
    this.#at += 1;
    if (token.text === 'true' || token.text === 'false') return { kind: 'literal', value: token.text === 'true' };
    if (token.text === 'null') return { kind: 'literal', value: null };
    const count = Object.hasOwn(QUERY_FUNCTIONS, token.text) ? QUERY_FUNCTIONS[token.text] : undefined;
    if (count === undefined) throw queryInvalid(this.#query, token.at, `${token.text} is not supported here`);
    const args: QueryNode[] = [];
    if (this.#take('(')) args.push(this.#closed(this.#pipe(), ')'));
    if (args.length !== count) throw queryInvalid(this.#query, token.at, `${token.text} takes ${count} arguments`);
    return { kind: 'call', name: token.text, args };
  }

  #string(): string {
    const token = this.#next();
    if (token.text.includes('\\(')) throw queryInvalid(this.#query, token.at, 'interpolation is not supported');
    try {
      return JSON.parse(token.text) as string;
    } catch {
      throw queryInvalid(this.#query, token.at, 'wrong escape in a string');
    }
  }

  #closed(node: QueryNode, close: string): QueryNode {
    if (!this.#take(close)) throw this.#unexpected();
    return node;
  }

  #take(sign: string): boolean {
    const token = this.#peek();
    if (token.kind !== 'sign' || token.text !== sign) return false;
    this.#at += 1;
    return true;
  }

  #takeWord(word: string): boolean {
    const token = this.#peek();
    if (token.kind !== 'word' || token.text !== word) return false;
    this.#at += 1;
    return true;
  }

  #peek(): QueryToken {
    return this.#tokens[this.#at] ?? { kind: 'end', text: '', at: this.#query.length };
  }

  #next(): QueryToken {
    const token = this.#peek();
    this.#at += 1;
    return token;
  }

  #unexpected() {
    const token = this.#peek();
    return queryInvalid(
      this.#query,
      token.at,
      token.kind === 'end' ? 'something is missing' : `unexpected ${token.text}`,
    );
  }
}
