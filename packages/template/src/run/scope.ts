import type { Value } from '../value/value.ts';

/** Variables of one template in the order in which they came; the last of a name counts. */
export class Scope {
  readonly #variables: { name: string; value: Value }[] = [];

  constructor(dot: Value) {
    this.declare('$', dot);
  }

  get size(): number {
    return this.#variables.length;
  }

  /** Forgets what was declared since `size` was this. */
  shrink(size: number): void {
    this.#variables.length = size;
  }

  declare(name: string, value: Value): void {
    this.#variables.push({ name, value });
  }

  assign(name: string, value: Value): void {
    const found = this.#variables.findLast((variable) => variable.name === name);
    if (found !== undefined) found.value = value;
  }

  lookup(name: string): Value {
    return this.#variables.findLast((variable) => variable.name === name)?.value;
  }
}
