import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { resolve } from 'node:path';
import {
  formatVerdict,
  loadMachineDocument,
  type NotAppliedKey,
  notAppliedKeys,
  type Problem,
  type SourceText,
} from '@bowline/spec';
import { Command } from 'commander';
import { CONFIG_LIMIT_BYTES } from '../config/config-text.ts';
import { downloadText } from '../download/download.ts';
import { describeUrl } from '../download/web-address.ts';
import { AgentError } from '../error.ts';
import { type CommandContext, defineCommand } from './command.ts';

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
    const source = await readSource(file, context);
    const strict = options.strict === true || options.strictValidation === true;
    const { document, problems } = loadMachineDocument(source, { strict });
    const notApplied = document === undefined ? [] : notAppliedKeys(document.values);
    const valid = document !== undefined;
    const verdict: FileVerdict = { file: source.path, kind: 'cloud-config', valid, problems, notApplied };
    return { text: formatVerdict(verdict), json: { valid, files: [verdict] }, exitCode: valid ? 0 : 2 };
  },
});

async function readSource(source: string, context: CommandContext): Promise<SourceText> {
  if (/^https?:\/\//i.test(source)) {
    return { path: describeUrl(source), text: await downloadText(context.machine, source) };
  }
  try {
    return { path: source, text: await readHead(resolve(context.cwd, source)) };
  } catch (error) {
    throw new AgentError({
      code: 'CONFIG_INVALID',
      message: `cannot read ${source}: ${error instanceof Error ? error.message : ''}`,
      cause: error,
    });
  }
}

/** A little more than a configuration may have, so that the checker sees that it is too large. */
async function readHead(path: string): Promise<string> {
  await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const buffer = Buffer.alloc(CONFIG_LIMIT_BYTES + 4);
  let length = 0;
  for (;;) {
    const { bytesRead } = await file.read(buffer, length, buffer.length - length, null);
    length += bytesRead;
    if (bytesRead === 0 || length === buffer.length) return buffer.toString('utf8', 0, length);
  }
}
