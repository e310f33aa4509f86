import { Command } from 'commander';
import { savePasswords } from '../accounts/save-passwords.ts';
import { AgentError } from '../error.ts';
import { defineCommand } from './command.ts';

/** `bowline-agent passwords`. */
export const passwords = defineCommand<[], object>({
  declare: () =>
    new Command('passwords').description(
      'Keeps passwords that were changed on this machine, so that they outlive a restart. It runs by itself whenever /etc/shadow changes.',
    ),
  examples: ['bowline-agent passwords save'],
  run: async () => {
    throw new AgentError({ code: 'USAGE', message: 'passwords needs a command', hint: 'Use `passwords save`.' });
  },
  commands: [
    defineCommand<[], object>({
      declare: () =>
        new Command('save').description(
          'Keeps every password that differs from the image and the configuration, and names them.',
        ),
      examples: ['bowline-agent passwords save'],
      run: async (_args, _options, { machine }) => {
        const { kept, forgotten } = await savePasswords(machine);
        const lines = [
          kept.length > 0 ? `kept: ${kept.join(', ')}` : 'no password differs from what was configured',
          ...(forgotten.length > 0
            ? [`gone after the next start, not in the configuration: ${forgotten.join(', ')}`]
            : []),
        ];
        return { text: lines.join('\n'), json: { kept, forgotten } };
      },
    }),
  ],
});
