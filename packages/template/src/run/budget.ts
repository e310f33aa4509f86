/** Nodes, calls and items a template may go through. */
const MAX_STEPS = 1_000_000;

/** Text that functions may make on the way, in UTF-16 units. */
const MAX_WORK = 64 * 1024 * 1024;

/** What a template may still use up; ends the ones that would run forever or fill the memory. */
export class Budget {
  /** Longest text that may exist, in UTF-16 units. */
  readonly maxText: number;
  #steps = 0;
  #work = 0;

  constructor(maxText: number) {
    this.maxText = maxText;
  }

  /** Accounts for `count` steps. Throws RangeError when there are none left. */
  step(count = 1): void {
    this.#steps += count;
    if (this.#steps > MAX_STEPS) throw new RangeError(`the template takes more than ${MAX_STEPS} steps`);
  }

  /** Accounts for text of this length before it is made. Throws RangeError when it is too much. */
  text(length: number): void {
    if (length > this.maxText) throw new RangeError(`text of more than ${this.maxText} characters`);
    this.#work += length;
    if (this.#work > MAX_WORK) throw new RangeError(`the template makes more than ${MAX_WORK} characters of text`);
  }
}
