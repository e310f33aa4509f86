import { resolve } from 'node:path';
import { TemplateError } from '@bowline/template';
import { Command } from 'commander';
import { readConfigText } from '../config/config-text.ts';
import { AgentError } from '../error.ts';
import { defineCommand } from './command.ts';

/** `bowline-agent render-template -f FILE`: what a template becomes on this machine. */
export const renderTemplate = defineCommand<[], { file: string; strict?: boolean }>({
  declare: () =>
    new Command('render-template')
      .description('Renders a template with the facts of this machine, as the steps of stages do, and prints it.')
      .requiredOption('-f, --file <file>', 'the template')
      .option('--strict', 'take a missing key as an error'),
  examples: ['bowline-agent render-template -f greeting.tmpl'],
  run: async (_args, { file, strict }, { machine, cwd }) => {
    const found = await readConfigText(resolve(cwd, file)).catch(() => ({ reason: 'does not exist' }));
    if (!('text' in found)) throw new AgentError({ code: 'CONFIG_INVALID', message: `${file} ${found.reason}` });
    try {
      const text = await machine.render(found.text, { missingKeyIsError: strict === true });
      return { text, json: { file, text } };
    } catch (error) {
      if (!(error instanceof TemplateError)) throw error;
      // The template is the input of this command: failing on it is wrong input, not a failure of the machine.
      const message = error.message.replace(/^template:/, `${file}:`);
      throw new AgentError({ code: 'CONFIG_INVALID', message, hint: error.hint, details: error.details, cause: error });
    }
  },
});
