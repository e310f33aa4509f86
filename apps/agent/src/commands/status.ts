import { Command } from 'commander';
import { AgentError } from '../error.ts';
import { defineCommand } from './command.ts';

/** `bowline-agent status`. */
export const status = defineCommand<[], object>({
  declare: () => new Command('status').argument('[words...]'),
  examples: ['bowline-agent status'],
  run: async () => {
    throw new AgentError({ code: 'STEP_FAILED', message: 'status: not there yet' });
  },
});
