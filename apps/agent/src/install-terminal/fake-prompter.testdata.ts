import { brokenOff, type Prompter } from './prompter.ts';

/** Answers of a person who is not there: in order, each to one question. `undefined` breaks off. */
export type Script = (string | boolean | undefined)[];

/** Asks a script instead of a person, and writes down what was said. Answers that a question refuses are followed by the next. */
export class FakePrompter implements Prompter {
  readonly said: string[] = [];
  readonly #script: Script;

  constructor(script: Script) {
    this.#script = [...script];
  }

  get unused(): Script {
    return this.#script;
  }

  begin(title: string): void {
    this.said.push(title);
  }

  show(title: string, lines: readonly string[]): void {
    this.said.push(`${title}: ${lines.join('; ')}`);
  }

  warn(line: string): void {
    this.said.push(`warning: ${line}`);
  }

  end(line: string): void {
    this.said.push(line);
  }

  async select(message: string, options: Parameters<Prompter['select']>[1]): Promise<string> {
    const shown = options.map(({ value, disabled }) => (disabled === true ? `(${value})` : value));
    const answer = this.#next(`${message} ${shown.join(' ')}`);
    const found = options.find(({ value, disabled }) => value === answer && disabled !== true);
    if (found === undefined) throw new Error(`${String(answer)} cannot be chosen: ${message}`);
    return found.value;
  }

  async text({ message, check }: Parameters<Prompter['text']>[0]): Promise<string> {
    for (;;) {
      const answer = this.#next(message);
      if (typeof answer !== 'string') throw new Error(`not a text: ${message}`);
      const problem = check?.(answer);
      if (problem === undefined) return answer;
      this.said.push(problem);
    }
  }

  password(question: Parameters<Prompter['text']>[0]): Promise<string> {
    return this.text(question);
  }

  async confirm(message: string): Promise<boolean> {
    const answer = this.#next(message);
    if (typeof answer !== 'boolean') throw new Error(`not yes or no: ${message}`);
    return answer;
  }

  #next(message: string): string | boolean {
    this.said.push(`? ${message}`);
    if (this.#script.length === 0) throw new Error(`nobody answers: ${message}`);
    const answer = this.#script.shift();
    if (answer === undefined) throw brokenOff();
    return answer;
  }
}
