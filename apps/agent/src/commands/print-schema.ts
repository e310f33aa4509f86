import { renderMachineJsonSchema } from '@bowline/spec';
import { Command } from 'commander';
import { defineCommand } from './command.ts';

/** `bowline-agent print-schema`: the JSON Schema of configurations, for editors. */
export const printSchema = defineCommand<[], object>({
  declare: () =>
    new Command('print-schema').description('Prints the JSON Schema of configurations, for editors and other tools.'),
  examples: ['bowline-agent print-schema'],
  run: async () => {
    const text = renderMachineJsonSchema();
    return { text, json: JSON.parse(text) };
  },
});
