import { type CANCEL_SYMBOL, confirm, intro, isCancel, log, note, outro, password, select, text } from '@clack/prompts';
import { brokenOff, type Prompter, type PromptText, type TerminalStreams } from './prompter.ts';

/** Questions with arrow keys, on terminals that can move the cursor. */
export function clackPrompter({ input, output }: TerminalStreams, signal: AbortSignal): Prompter {
  const common = { input, output, signal };
  const question = ({ message, example, check }: PromptText) => ({
    ...common,
    message,
    ...(example === undefined ? {} : { placeholder: example }),
    // An empty answer comes as undefined.
    validate: (value: string | undefined) => check?.(value ?? ''),
  });
  return {
    begin: (title) => intro(title, common),
    show: (title, lines) => note(lines.join('\n'), title, { ...common, format: (line) => line }),
    warn: (line) => log.warn(line, common),
    end: (line) => outro(line, common),
    select: async (message, options) =>
      answered(
        await select({
          ...common,
          message,
          options: options.map(({ value, label, hint, disabled }) => ({
            value,
            label,
            ...(hint === undefined ? {} : { hint }),
            ...(disabled === undefined ? {} : { disabled }),
          })),
        }),
      ),
    text: async (asked) => answered(await text(question(asked))) ?? '',
    password: async (asked) => answered(await password(question(asked))) ?? '',
    confirm: async (message, usual = false) => answered(await confirm({ ...common, message, initialValue: usual })),
  };
}

function answered<Value>(value: Value | typeof CANCEL_SYMBOL): Value {
  if (isCancel(value)) throw brokenOff();
  return value as Value;
}
