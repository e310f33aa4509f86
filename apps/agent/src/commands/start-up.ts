import { Command } from 'commander';
import { AgentError } from '../error.ts';
import { defineCommand } from './command.ts';

/** `bowline-agent start-up`. */
export const startUp = defineCommand<[], object>({
  declare: () => new Command('start-up').argument('[words...]'),
  examples: ['bowline-agent start-up'],
  run: async () => {
    throw new AgentError({ code: 'STEP_FAILED', message: 'start-up: not there yet' });
  },
});
