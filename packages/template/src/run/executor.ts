import type { FunctionContext } from '../functions/function.ts';
import type { TemplateSource } from '../parse/location.ts';
import type { BranchNode, TemplateNode } from '../parse/node.ts';
import { GoTime } from '../value/go-time.ts';
import { isTrue, sortedKeys, typeOf } from '../value/kind.ts';
import { printValue } from '../value/print.ts';
import { SemanticVersion } from '../value/semantic-version.ts';
import type { Value } from '../value/value.ts';
import { Evaluator } from './evaluator.ts';
import { Scope } from './scope.ts';

/** Templates that call templates; deeper ones are refused. */
const MAX_CALLS = 100;

/** What an executor needs. */
export interface ExecutorOptions {
  source: TemplateSource;
  definitions: ReadonlyMap<string, TemplateNode[]>;
  context: FunctionContext;
  missingKeyIsError: boolean;
}

/** How a list of nodes ended. */
type Flow = 'next' | 'break' | 'continue';

/** Walks a parsed template and writes what it prints. */
export class Executor {
  readonly #options: ExecutorOptions;
  readonly #evaluator: Evaluator;
  readonly #out: string[] = [];
  #length = 0;
  #calls = 0;

  constructor(options: ExecutorOptions) {
    this.#options = options;
    this.#evaluator = new Evaluator(options);
  }

  /** What the template prints. Throws TemplateError TEMPLATE_FAILED. */
  run(body: readonly TemplateNode[], data: Value): string {
    this.#list(body, data, new Scope(data));
    return this.#out.join('');
  }

  #list(nodes: readonly TemplateNode[], dot: Value, scope: Scope): Flow {
    for (const node of nodes) {
      const flow = this.#node(node, dot, scope);
      if (flow !== 'next') return flow;
    }
    return 'next';
  }

  #node(node: TemplateNode, dot: Value, scope: Scope): Flow {
    switch (node.kind) {
      case 'text':
        this.#write(node.text, node.offset);
        return 'next';
      case 'action':
        this.#action(node, dot, scope);
        return 'next';
      case 'template':
        this.#call(node, dot, scope);
        return 'next';
      case 'break':
      case 'continue':
        return node.kind;
      case 'if':
      case 'with':
      case 'range':
        return this.#branch(node, dot, scope);
    }
  }

  #action(node: TemplateNode & { kind: 'action' }, dot: Value, scope: Scope): void {
    const value = this.#evaluator.pipeline(node.pipeline, dot, scope);
    if (node.pipeline.variables.length > 0) return;
    const absent = value === undefined || value === null;
    this.#write(absent ? '<no value>' : this.#evaluator.guard(node.offset, () => printValue(value)), node.offset);
  }

  #call(node: TemplateNode & { kind: 'template' }, dot: Value, scope: Scope): void {
    const body = this.#options.definitions.get(node.name);
    if (body === undefined) {
      throw this.#evaluator.fail(node.offset, `there is no template ${JSON.stringify(node.name)}`);
    }
    if (this.#calls >= MAX_CALLS) {
      throw this.#evaluator.fail(node.offset, `more than ${MAX_CALLS} templates call one another`);
    }
    const data = node.pipeline === undefined ? null : this.#evaluator.pipeline(node.pipeline, dot, scope);
    this.#calls += 1;
    this.#list(body, data, new Scope(data));
    this.#calls -= 1;
  }

  #branch(node: BranchNode, dot: Value, scope: Scope): Flow {
    const mark = scope.size;
    const flow = node.kind === 'range' ? this.#range(node, dot, scope) : this.#choose(node, dot, scope);
    scope.shrink(mark);
    return flow;
  }

  #choose(node: BranchNode, dot: Value, scope: Scope): Flow {
    const value = this.#evaluator.pipeline(node.pipeline, dot, scope);
    if (isTrue(value)) return this.#list(node.body, node.kind === 'with' ? value : dot, scope);
    return node.otherwise === undefined ? 'next' : this.#list(node.otherwise, dot, scope);
  }

  #range(node: BranchNode, dot: Value, scope: Scope): Flow {
    const value = this.#evaluator.pipeline(node.pipeline, dot, scope, false);
    const mark = scope.size;
    let visited = false;
    for (const [key, item] of this.#items(node, value)) {
      visited = true;
      this.#evaluator.guard(node.offset, () => this.#options.context.budget.step());
      this.#setRangeVariables(node, scope, key, item);
      const flow = this.#list(node.body, item, scope);
      scope.shrink(mark);
      if (flow === 'break') break;
    }
    if (visited || node.otherwise === undefined) return 'next';
    return this.#list(node.otherwise, dot, scope);
  }

  #setRangeVariables(node: BranchNode, scope: Scope, key: Value, item: Value): void {
    const { variables, assigns } = node.pipeline;
    const values = variables.length > 1 ? [key, item] : [item];
    variables.forEach((name, index) => {
      if (assigns) scope.assign(name, values[index]);
      else scope.declare(name, values[index]);
    });
  }

  *#items(node: BranchNode, value: Value): Iterable<[Value, Value]> {
    if (value === undefined || value === null) return;
    if (Array.isArray(value)) {
      for (const [index, item] of value.entries()) yield [BigInt(index), item];
      return;
    }
    if (typeof value === 'bigint') {
      if (node.pipeline.variables.length > 1) {
        throw this.#evaluator.fail(node.offset, 'a range over a number sets only one variable');
      }
      for (let index = 0n; index < value; index += 1n) yield [index, index];
      return;
    }
    if (!(value instanceof Map) || value instanceof GoTime || value instanceof SemanticVersion) {
      throw this.#evaluator.fail(node.offset, `range cannot go over a value of type ${typeOf(value)}`);
    }
    for (const key of sortedKeys(value)) yield [key, value.get(key)];
  }

  #write(text: string, offset: number): void {
    this.#length += text.length;
    const { maxText } = this.#options.context.budget;
    if (this.#length > maxText) {
      throw this.#evaluator.fail(offset, `the output is longer than ${maxText} characters`);
    }
    this.#out.push(text);
  }
}
