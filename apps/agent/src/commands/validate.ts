import { Command } from 'commander';
import { AgentError } from '../error.ts';
import { defineCommand } from './command.ts';

/** `bowline-agent validate`. */
export const validate = defineCommand<[], object>({
  declare: () => new Command('validate').argument('[words...]'),
  examples: ['bowline-agent validate'],
  run: async () => {
    throw new AgentError({ code: 'STEP_FAILED', message: 'validate: not there yet' });
  },
});
