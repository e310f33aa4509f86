import { Command } from 'commander';
import { AgentError } from '../error.ts';
import { defineCommand } from './command.ts';

/** `bowline-agent print-schema`. */
export const printSchema = defineCommand<[], object>({
  declare: () => new Command('print-schema').argument('[words...]'),
  examples: ['bowline-agent print-schema'],
  run: async () => {
    throw new AgentError({ code: 'STEP_FAILED', message: 'print-schema: not there yet' });
  },
});
