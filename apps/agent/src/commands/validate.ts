import { resolve } from 'node:path';
import { formatProblems, loadMachineDocument, type Problem } from '@bowline/spec';
import { Command } from 'commander';
import { readConfigText } from '../config/config-text.ts';
import { downloadText } from '../download/download.ts';
import { describeUrl } from '../download/web-address.ts';
import { AgentError } from '../error.ts';
import { type CommandContext, defineCommand } from './command.ts';

/** `bowline-agent validate FILE`: checks a configuration; the messages are those of `bowline validate`. */
export const validate = defineCommand<[source: string], { strict?: boolean; strictValidation?: boolean }>({
  declare: () =>
    new Command('validate')
      .description('Checks a configuration. Says everything that is wrong at once: file, line, column, nearest word.')
      .argument('<file>', 'file, or http or https address')
      .option('--strict', 'take warnings as errors')
      .option('--strict-validation', 'the same as --strict'),
  examples: [
    'bowline-agent validate /oem/90_custom.yaml',
    'bowline-agent validate https://example.com/a.yaml --strict',
  ],
  run: async ([source], options, context) => {
    const strict = options.strict === true || options.strictValidation === true;
    const { path, text } = await readSource(source, context);
    const { document, problems } = loadMachineDocument({ path, text }, { strict });
    const valid = document !== undefined;
    return {
      text: [...(valid ? [`${path}: valid`] : []), formatProblems(problems)].filter(Boolean).join('\n'),
      json: { valid, files: [{ file: path, valid, problems } satisfies FileVerdict] },
      exitCode: valid ? 0 : 2,
    };
  },
});

interface FileVerdict {
  file: string;
  valid: boolean;
  problems: readonly Problem[];
}

async function readSource(source: string, context: CommandContext): Promise<{ path: string; text: string }> {
  if (/^https?:\/\//i.test(source)) {
    return { path: describeUrl(source), text: await downloadText(context.machine, source) };
  }
  const found = await readConfigText(resolve(context.cwd, source)).catch(() => ({ reason: 'does not exist' }));
  if ('text' in found) return { path: source, text: found.text };
  throw new AgentError({ code: 'CONFIG_INVALID', message: `${source} ${found.reason}` });
}
