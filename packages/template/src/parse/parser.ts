import { ExpressionParser } from './expression-parser.ts';
import { tokenize } from './lexer.ts';
import { unquote } from './literal.ts';
import { errorAt, type TemplateSource } from './location.ts';
import type { BranchNode, ParsedTemplate, TemplateNode } from './node.ts';
import { describeToken } from './token.ts';

/** Actions inside one another; deeper ones are refused. */
const MAX_NESTING = 100;

/** Parses a template. `isFunction` tells which names are functions. Throws TemplateError TEMPLATE_INVALID. */
export function parseTemplate(source: TemplateSource, isFunction: (name: string) => true | string): ParsedTemplate {
  return new TemplateParser(source, isFunction).run();
}

/** How a list of nodes ended. */
interface ListEnd {
  nodes: TemplateNode[];
  by: 'end' | 'else';
  offset: number;
}

class TemplateParser {
  readonly #source: TemplateSource;
  readonly #expressions: ExpressionParser;
  readonly #definitions = new Map<string, TemplateNode[]>();
  #depth = 0;
  #ranges = 0;

  constructor(source: TemplateSource, isFunction: (name: string) => true | string) {
    this.#source = source;
    this.#expressions = new ExpressionParser(source, tokenize(source), isFunction);
  }

  run(): ParsedTemplate {
    const body: TemplateNode[] = [];
    for (;;) {
      const token = this.#expressions.peek();
      if (token.kind === 'end') return { body, definitions: this.#definitions };
      if (this.#expressions.startsAction('define')) {
        this.#define();
        continue;
      }
      const node = this.#node();
      if (node === 'end' || node === 'else') throw this.#error(token.offset, `unexpected {{${node}}}`);
      body.push(node);
    }
  }

  /** One node, or the word that closes the list it stands in. */
  #node(): TemplateNode | 'end' | 'else' {
    const token = this.#expressions.next();
    if (token.kind === 'text') return { kind: 'text', offset: token.offset, text: token.text };
    const word = this.#expressions.nextKeyword();
    switch (word) {
      case 'end':
        this.#expressions.closeAction('end');
        return 'end';
      case 'else':
        return 'else';
      case 'if':
      case 'with':
      case 'range':
        return this.#branch(word, token.offset);
      case 'break':
      case 'continue':
        if (this.#ranges === 0) throw this.#error(token.offset, `{{${word}}} outside {{range}}`);
        this.#expressions.closeAction(word);
        return { kind: word, offset: token.offset };
      case 'template':
        return this.#call(token.offset);
      case 'block':
        return this.#block(token.offset);
      case undefined:
        return { kind: 'action', offset: token.offset, pipeline: this.#expressions.actionPipeline('command') };
      default:
        throw this.#error(token.offset, `unexpected {{${word}}}`);
    }
  }

  #list(opener: string, offset: number): ListEnd {
    this.#depth += 1;
    if (this.#depth > MAX_NESTING) throw this.#error(offset, `more than ${MAX_NESTING} actions inside one another`);
    const nodes: TemplateNode[] = [];
    for (;;) {
      const token = this.#expressions.peek();
      if (token.kind === 'end') throw this.#error(offset, `{{${opener}}} has no {{end}}`);
      const node = this.#node();
      if (node === 'end' || node === 'else') {
        this.#depth -= 1;
        return { nodes, by: node, offset: token.offset };
      }
      nodes.push(node);
    }
  }

  #branch(kind: BranchNode['kind'], offset: number): BranchNode {
    const mark = this.#expressions.openScope();
    const pipeline = this.#expressions.actionPipeline(kind);
    this.#ranges += kind === 'range' ? 1 : 0;
    const body = this.#list(kind, offset);
    this.#ranges -= kind === 'range' ? 1 : 0;
    const otherwise = body.by === 'else' ? this.#otherwise(kind, offset, body.offset) : undefined;
    this.#expressions.closeScope(mark);
    return { kind, offset, pipeline, body: body.nodes, otherwise };
  }

  /** What follows {{else}}; `else if` and `else with` are a branch of their own inside it. */
  #otherwise(kind: BranchNode['kind'], offset: number, elseOffset: number): TemplateNode[] {
    const word = this.#expressions.nextKeyword();
    if (word !== undefined && (word !== kind || kind === 'range')) {
      throw this.#error(elseOffset, `unexpected {{else ${word}}} in {{${kind}}}`);
    }
    if (word !== undefined) {
      this.#depth += 1;
      if (this.#depth > MAX_NESTING) throw this.#error(elseOffset, `more than ${MAX_NESTING} branches`);
      const branch = this.#branch(kind, elseOffset);
      this.#depth -= 1;
      return [branch];
    }
    this.#expressions.closeAction('else');
    const list = this.#list(kind, offset);
    if (list.by === 'else') throw this.#error(list.offset, 'expected {{end}}, found a second {{else}}');
    return list.nodes;
  }

  #call(offset: number): TemplateNode {
    const name = this.#templateName('template');
    return { kind: 'template', offset, name, pipeline: this.#expressions.optionalPipeline('template') };
  }

  #block(offset: number): TemplateNode {
    const name = this.#templateName('block');
    const pipeline = this.#expressions.actionPipeline('block');
    this.#body(name, 'block', offset);
    return { kind: 'template', offset, name, pipeline };
  }

  #define(): void {
    const { offset } = this.#expressions.next();
    this.#expressions.nextKeyword();
    const name = this.#templateName('define');
    this.#expressions.closeAction('define');
    this.#body(name, 'define', offset);
  }

  #body(name: string, opener: string, offset: number): void {
    const variables = this.#expressions.replaceScope(['$']);
    const ranges = this.#ranges;
    this.#ranges = 0;
    const list = this.#list(opener, offset);
    if (list.by === 'else') throw this.#error(list.offset, `unexpected {{else}} in {{${opener}}}`);
    this.#ranges = ranges;
    this.#expressions.replaceScope(variables);
    const known = this.#definitions.get(name);
    if (known !== undefined && !isBlank(known) && !isBlank(list.nodes)) {
      throw this.#error(offset, `template ${JSON.stringify(name)} is defined twice`);
    }
    if (known === undefined || !isBlank(list.nodes)) this.#definitions.set(name, list.nodes);
  }

  #templateName(opener: string): string {
    const token = this.#expressions.nextSolid();
    const name = token.kind === 'raw-string' ? token.text.slice(1, -1) : unquote(token.text);
    if ((token.kind !== 'string' && token.kind !== 'raw-string') || name === undefined) {
      throw this.#error(token.offset, `{{${opener}}} needs a name in quotes, not ${describeToken(token)}`);
    }
    return name;
  }

  #error(offset: number, message: string) {
    return errorAt(this.#source, offset, 'TEMPLATE_INVALID', message);
  }
}

function isBlank(nodes: TemplateNode[]): boolean {
  return nodes.every((node) => node.kind === 'text' && node.text.trim() === '');
}
