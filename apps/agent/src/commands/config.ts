import { CLOUD_CONFIG_FOLDER } from '@bowline/os-layout';
import { Command } from 'commander';
import { stringify } from 'yaml';
import { mergedConfig } from '../config/merged-config.ts';
import { asWritten } from '../config/show-config.ts';
import { requireReadable } from '../machine/require-readable.ts';
import { runQuery } from '../query/run-query.ts';
import { redactValue } from '../redaction/redact-value.ts';
import { type CommandContext, defineCommand } from './command.ts';

interface ConfigOptions {
  showSecrets?: boolean;
}

const SHOW_SECRETS = ['--show-secrets', 'do not hide passwords, tokens, keys and contents of files'] as const;

const get = defineCommand<[query: string], ConfigOptions>({
  declare: () =>
    new Command('get')
      .description(
        'Prints what a query in the language of jq finds in the configuration; the first dot may be left out.',
      )
      .argument('<query>', 'such as .install.device or users[0].name')
      .option(...SHOW_SECRETS),
  examples: ['bowline-agent config get .install.device', "bowline-agent config get '.users[].name'"],
  run: async ([query], options, context) => {
    const results = runQuery(query, await readValues(options, context));
    const texts = results.map((result) => (typeof result === 'string' ? result : stringify(result).trimEnd()));
    return { text: texts.join('\n'), json: results.length === 1 ? results[0] : results };
  },
});

/** `bowline-agent config` and `config get QUERY`: the configuration of this machine. */
export const config = defineCommand<[], ConfigOptions>({
  declare: () =>
    new Command('config')
      .description(
        'Prints the merged configuration of this machine as YAML. The steps of its stages are not merged: ' +
          '`bowline-agent run-stage NAME --dry-run` shows them.',
      )
      .option(...SHOW_SECRETS),
  examples: ['bowline-agent config', "bowline-agent config get '.users[].name'"],
  commands: [get],
  run: async (_args, options, context) => {
    const values = await readValues(options, context);
    return { text: stringify(values), json: values };
  },
});

async function readValues(options: ConfigOptions, { machine, say }: CommandContext): Promise<unknown> {
  await requireReadable(machine, CLOUD_CONFIG_FOLDER, 'the configuration');
  const { values, warnings } = await mergedConfig(machine);
  for (const warning of warnings) say(`warning: ${warning}`);
  const shown = asWritten(values);
  return options.showSecrets === true ? shown : redactValue(shown);
}
