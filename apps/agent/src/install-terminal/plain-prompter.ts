import { LineReader } from './line-reader.ts';
import { brokenOff, type Prompter, type PromptOption, type PromptText, type TerminalStreams } from './prompter.ts';

/** Plain numbered questions: for terminals that print and read lines, and no more. ASCII only. */
export function plainPrompter({ input, output }: TerminalStreams, signal: AbortSignal): Prompter {
  const reader = new LineReader(input, signal);
  const say = (line: string) => void output.write(`${line}\n`);
  const ask = async (prompt: string, hidden = false): Promise<string> => {
    output.write(prompt);
    const line = await reader.next({ hidden });
    if (hidden) output.write('\n');
    if (line === undefined) throw brokenOff();
    return line.trim();
  };
  const askText = async ({ message, example, check }: PromptText, hidden: boolean): Promise<string> => {
    const prompt = `\n${message}${example === undefined ? '' : ` (such as ${example})`}\n> `;
    for (;;) {
      const value = await ask(prompt, hidden);
      const problem = check?.(value);
      if (problem === undefined) return value;
      say(problem);
    }
  };
  return {
    begin: (title) => say(`\n${title}\n${'='.repeat(title.length)}`),
    show: (title, lines) => say(`\n${title}:\n${lines.map((line) => `  ${line}`).join('\n')}`),
    warn: (line) => say(`\nWarning: ${line}`),
    end: (line) => say(`\n${line}`),
    select: async (message, options) => {
      const good = options.filter(({ disabled }) => disabled !== true);
      say(`\n${message}`);
      for (const option of options) say(optionLine(option, good.indexOf(option) + 1));
      for (;;) {
        const answer = await ask(`Number, 1 to ${good.length}: `);
        const chosen = /^\d{1,4}$/.test(answer) ? good[Number(answer) - 1] : undefined;
        if (chosen !== undefined) return chosen.value;
        say('This is none of the numbers.');
      }
    },
    text: (question) => askText(question, false),
    password: (question) => askText(question, true),
    confirm: async (message) => {
      for (;;) {
        const answer = (await ask(`\n${message} Type yes or no: `)).toLowerCase();
        if (answer === 'yes' || answer === 'y') return true;
        if (answer === 'no' || answer === 'n') return false;
      }
    },
  };
}

function optionLine({ label, hint }: PromptOption, number: number): string {
  const mark = number > 0 ? String(number).padStart(3) : '  -';
  return `${mark}) ${label}${hint === undefined ? '' : `\n       ${hint}`}`;
}
