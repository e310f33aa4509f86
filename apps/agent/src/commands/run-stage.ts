import { Command } from 'commander';
import { AgentError } from '../error.ts';
import { defineCommand } from './command.ts';

/** `bowline-agent run-stage`. */
export const runStage = defineCommand<[], object>({
  declare: () => new Command('run-stage').argument('[words...]'),
  examples: ['bowline-agent run-stage'],
  run: async () => {
    throw new AgentError({ code: 'STEP_FAILED', message: 'run-stage: not there yet' });
  },
});
