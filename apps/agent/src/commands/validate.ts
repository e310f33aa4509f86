import { formatVerdict, loadMachineDocument, type NotAppliedKey, notAppliedKeys, type Problem } from '@bowline/spec';
import { Command } from 'commander';
import { readNamedConfig } from '../config/named-config.ts';
import { defineCommand } from './command.ts';

interface FileVerdict {
  file: string;
  kind: 'cloud-config';
  valid: boolean;
  problems: readonly Problem[];
  /** Keys that are right and do nothing yet. */
  notApplied: readonly NotAppliedKey[];
}

/** `bowline-agent validate FILE`: checks a configuration; the messages are those of `bowline validate`. */
export const validate = defineCommand<[source: string], { strict?: boolean; strictValidation?: boolean }>({
  declare: () =>
    new Command('validate')
      .description(
        'Checks a configuration. Says everything that is wrong at once: file, line, column, nearest word. What a machine ' +
          'can live with is a warning.',
      )
      .argument('<file>', 'file, or http or https address')
      .option('--strict', 'let warnings be errors')
      .option('--strict-validation', 'the same as --strict'),
  examples: [
    'bowline-agent validate /oem/90_custom.yaml',
    'bowline-agent validate https://example.com/a.yaml --strict',
  ],
  run: async ([file], options, context) => {
    const source = await readNamedConfig(context.machine, file, context.cwd);
    const strict = options.strict === true || options.strictValidation === true;
    const { document, problems } = loadMachineDocument(source, { strict });
    const notApplied = document === undefined ? [] : notAppliedKeys(document.values);
    const valid = document !== undefined;
    const verdict: FileVerdict = { file: source.path, kind: 'cloud-config', valid, problems, notApplied };
    return { text: formatVerdict(verdict), json: { valid, files: [verdict] }, exitCode: valid ? 0 : 2 };
  },
});
