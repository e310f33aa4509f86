import { Command } from 'commander';
import { AgentError } from '../error.ts';
import { defineCommand } from './command.ts';

/** `bowline-agent state`. */
export const state = defineCommand<[], object>({
  declare: () => new Command('state').argument('[words...]'),
  examples: ['bowline-agent state'],
  run: async () => {
    throw new AgentError({ code: 'STEP_FAILED', message: 'state: not there yet' });
  },
});
