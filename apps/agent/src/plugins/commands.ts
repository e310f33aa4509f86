import type { Machine } from '../machine/machine.ts';
import { explainProgramError, programMissing } from '../machine/run-program.ts';
import { definePlugin } from './plugin.ts';

/** A step has its own limit (the signal of the machine); this one is for machines without. */
const TIMEOUT_MS = 6 * 3600_000;

/**
 * Runs commands by the shell of the machine, in the root folder, each whatever became of the others. Their output goes
 * to the agent's standard error, the journal of a service, and nowhere else, for it may hold anything; what they start in
 * the background lives on.
 */
export const commands = definePlugin({
  key: 'commands',
  actions: (config) =>
    config.map((command, index) => {
      const title = `command ${index + 1}${programOf(command)}`;
      return {
        summary: `run ${title}`,
        run: async (machine: Machine) => {
          const text = await machine.render(command);
          const shell = await machine.program('sh');
          if (shell === undefined) throw programMissing('sh');
          try {
            await machine.processes.run({
              argv: [shell, '-c', text],
              cwd: machine.locate('/'),
              // The machine's own zone, which the agent does without.
              env: { TZ: ':/etc/localtime' },
              mayLeaveDaemons: true,
              timeoutMs: TIMEOUT_MS,
              signal: machine.signal,
            });
          } catch (error) {
            throw explainProgramError(error, title);
          }
          return { changed: true };
        },
      };
    }),
});

/** The program a command begins with, for people; the rest may hold secrets, and so may an assignment. */
function programOf(command: string): string {
  const word = /^\s*([\w./-]{1,60})(?=\s|$)/.exec(command)?.[1];
  return word === undefined ? '' : ` (${word})`;
}
