import type { TemplateError } from '../error.ts';
import { type FunctionContext, FunctionFailure, type TemplateFunction } from '../functions/function.ts';
import { findFunction } from '../functions/table.ts';
import { errorAt, type TemplateSource } from '../parse/location.ts';
import type { Command, NumberNode, Operand, Pipeline } from '../parse/node.ts';
import { isTrue, typeOf } from '../value/kind.ts';
import { memberOf } from '../value/member.ts';
import type { Value } from '../value/value.ts';
import { fitArgument } from './arguments.ts';
import type { Scope } from './scope.ts';

/** What evaluation needs of its template. */
export interface EvaluatorOptions {
  source: TemplateSource;
  context: FunctionContext;
  missingKeyIsError: boolean;
}

/** Marks a command that gets no value from a pipe. */
const NOTHING = Symbol('nothing');
type Piped = Value | typeof NOTHING;

/** Computes pipelines. */
export class Evaluator {
  readonly #options: EvaluatorOptions;

  constructor(options: EvaluatorOptions) {
    this.#options = options;
  }

  /** Value of a pipeline; sets its variables unless `declare` is false. */
  pipeline(pipeline: Pipeline, dot: Value, scope: Scope, declare = true): Value {
    this.#step(pipeline.offset);
    let value: Piped = NOTHING;
    for (const command of pipeline.commands) value = this.#command(command, dot, scope, value);
    const result = value === NOTHING ? undefined : value;
    if (declare) {
      for (const name of pipeline.variables) {
        if (pipeline.assigns) scope.assign(name, result);
        else scope.declare(name, result);
      }
    }
    return result;
  }

  fail(offset: number, message: string, hint?: string): TemplateError {
    return errorAt(this.#options.source, offset, 'TEMPLATE_FAILED', message, hint);
  }

  /** Accounts for a step of the template, at a place that the message can name. */
  #step(offset: number): void {
    this.guard(offset, () => this.#options.context.budget.step());
  }

  /** Gives errors of limits and functions the place where they happen. */
  guard<T>(offset: number, run: () => T, prefix = ''): T {
    try {
      return run();
    } catch (error) {
      if (error instanceof FunctionFailure || (error instanceof RangeError && !isStackOverflow(error))) {
        throw this.fail(offset, prefix + error.message);
      }
      throw error;
    }
  }

  #command(command: Command, dot: Value, scope: Scope, piped: Piped): Value {
    const [first, ...rest] = command.operands;
    if (first.kind === 'function') return this.#call(first, rest, dot, scope, piped);
    if (rest.length > 0 || piped !== NOTHING) {
      throw this.fail(first.offset, `${describe(first)} is not a function and takes no arguments`);
    }
    if (first.kind === 'nil') throw this.fail(first.offset, 'nil is not a command');
    return this.operand(first, dot, scope);
  }

  /** Value of one operand. */
  operand(operand: Operand, dot: Value, scope: Scope): Value {
    switch (operand.kind) {
      case 'dot':
        return dot;
      case 'nil':
        return null;
      case 'bool':
      case 'string':
        return operand.value;
      case 'number':
        return constant(operand);
      case 'field':
        return this.#fields(dot, operand.names, operand.offset);
      case 'variable':
        return this.#fields(scope.lookup(operand.name), operand.names, operand.offset);
      case 'chain':
        return this.#fields(this.operand(operand.operand, dot, scope), operand.names, operand.offset);
      case 'function':
        return this.#call(operand, [], dot, scope, NOTHING);
      case 'pipeline':
        return this.pipeline(operand, dot, scope);
    }
  }

  #fields(start: Value, names: readonly string[], offset: number): Value {
    let value = start;
    for (const name of names) value = this.#field(value, name, offset);
    return value;
  }

  #field(receiver: Value, name: string, offset: number): Value {
    if (receiver instanceof Map) {
      if (receiver.has(name)) return receiver.get(name) ?? null;
      if (this.#options.missingKeyIsError) throw this.fail(offset, `there is no key ${JSON.stringify(name)}`);
      return undefined;
    }
    if (receiver === undefined) {
      if (this.#options.missingKeyIsError) throw this.fail(offset, `there is no key ${JSON.stringify(name)}`);
      return undefined;
    }
    const member = memberOf(receiver, name);
    if (member !== undefined) return member;
    if (receiver === null) throw this.fail(offset, `there is no .${name} in nil`);
    throw this.fail(offset, `there is no .${name} in a value of type ${typeOf(receiver)}`);
  }

  #call(node: Operand & { kind: 'function' }, operands: Operand[], dot: Value, scope: Scope, piped: Piped): Value {
    this.#step(node.offset);
    const count = operands.length + (piped === NOTHING ? 0 : 1);
    if (node.name === 'and' || node.name === 'or') {
      if (count === 0) throw this.fail(node.offset, `${node.name} needs at least 1 argument`);
      return this.#shortCircuit(node.name, operands, dot, scope, piped);
    }
    const found = findFunction(node.name);
    if (found === undefined) throw this.fail(node.offset, `there is no function ${node.name}`);
    this.#checkCount(node, found, count);
    const args = operands.map((operand, index) => {
      const value = this.operand(operand, dot, scope);
      const parameter = found.parameters[index] ?? found.rest ?? 'any';
      return this.guard(
        operand.offset,
        () => fitArgument(value, parameter, operand),
        `argument ${index + 1} of ${node.name}: `,
      );
    });
    if (piped !== NOTHING) {
      const parameter = found.parameters[args.length] ?? found.rest ?? 'any';
      const fit = () => fitArgument(piped, parameter);
      args.push(this.guard(node.offset, fit, `argument ${args.length + 1} of ${node.name}: `));
    }
    return this.guard(node.offset, () => this.#run(found, args), `${node.name}: `);
  }

  #run(found: TemplateFunction, args: readonly Value[]): Value {
    this.#options.context.budget.step(args.reduce<number>((sum, value) => sum + readingCost(value), 0));
    const result = found.run(this.#options.context, args);
    if (typeof result === 'string') this.#options.context.budget.text(result.length);
    if (Array.isArray(result)) this.#options.context.budget.step(result.length >> 4);
    return result;
  }

  #checkCount(node: Operand & { kind: 'function' }, found: TemplateFunction, count: number): void {
    const wanted = found.parameters.length;
    if (count === wanted || (count > wanted && found.rest !== undefined)) return;
    const least = found.rest === undefined ? '' : 'at least ';
    throw this.fail(
      node.offset,
      `${node.name} needs ${least}${wanted} argument${wanted === 1 ? '' : 's'}, got ${count}`,
    );
  }

  /** `and` and `or` stop at the argument that decides. */
  #shortCircuit(name: 'and' | 'or', operands: Operand[], dot: Value, scope: Scope, piped: Piped): Value {
    let value: Value;
    for (const operand of operands) {
      value = this.operand(operand, dot, scope) ?? null;
      if (isTrue(value) === (name === 'or')) return value;
    }
    return piped === NOTHING ? value : (piped ?? null);
  }
}

/** Steps that reading an argument costs: a short template may look at a long text very often. */
function readingCost(value: Value): number {
  if (typeof value === 'string') return value.length >> 8;
  if (Array.isArray(value)) return value.length >> 4;
  return value instanceof Map ? value.size >> 4 : 0;
}

function constant(node: NumberNode): Value {
  return node.isFloat || node.integer === undefined ? node.float : node.integer;
}

function describe(operand: Operand): string {
  if (operand.kind === 'field') return `.${operand.names.join('.')}`;
  if (operand.kind === 'variable') return [operand.name, ...operand.names].join('.');
  if (operand.kind === 'dot') return '.';
  return operand.kind === 'pipeline' || operand.kind === 'chain' ? 'an expression in parentheses' : `a ${operand.kind}`;
}

function isStackOverflow(error: RangeError): boolean {
  return error.message.includes('call stack');
}
