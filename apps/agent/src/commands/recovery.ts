import { Command } from 'commander';
import { defineCommand } from './command.ts';

/** `bowline-agent recovery`: what services call around the recovery system. */
export const recovery = defineCommand<[], object>({
  declare: () =>
    new Command('recovery').description(
      'Keeps the recovery system: services call it. To write another version into it, use `upgrade --recovery`.',
    ),
  examples: ['bowline-agent recovery fill'],
  run: async () => {
    const { AgentError } = await import('../error.ts');
    throw new AgentError({ code: 'USAGE', message: 'recovery needs a command', hint: 'Use `recovery fill`.' });
  },
  commands: [
    defineCommand<[], object>({
      declare: () =>
        new Command('fill').description(
          'Makes the running version the recovery system, unless there is one. It runs by itself after a start that was ' +
            'found healthy.',
        ),
      examples: ['bowline-agent recovery fill'],
      run: async (_args, _options, { machine, say }) => {
        const [{ readBootConf }, { readAssessment }] = await Promise.all([
          import('../boot-menu/started-as.ts'),
          import('../assess/assessment.ts'),
        ]);
        const { mode } = await readBootConf(machine);
        if (mode !== 'disk' && mode !== 'reset') return nothing('This is not the installed system.');
        if ((await readAssessment(machine))?.healthy !== true) return nothing('This start was not found healthy.');
        const [{ fillRecovery }, { withLifecycleLock }] = await Promise.all([
          import('../upgrade/fill-recovery.ts'),
          import('../upgrade/lifecycle-lock.ts'),
        ]);
        const filled = await withLifecycleLock(machine, () => fillRecovery(machine), { isService: true });
        if (filled.kind === 'filled') {
          await (await import('../boot-menu/inform-firmware.ts')).keepFirmwareInformed(machine, say);
        }
        const texts = {
          filled: `The recovery system is version ${filled.version} now.`,
          there: 'There is a recovery system already.',
          'no-slot': 'This machine has no recovery slot.',
        };
        return { text: texts[filled.kind], json: filled };
      },
    }),
    defineCommand<[], object>({
      declare: () =>
        new Command('go-back').description(
          'In a recovery that the firmware started because it refused a version: marks that version bad, and restarts when ' +
            'another one can start. It runs by itself.',
        ),
      examples: ['bowline-agent recovery go-back'],
      run: async (_args, _options, { machine }) => {
        const { findWayBack } = await import('../recovery/go-back.ts');
        const { refused, instead } = await findWayBack(machine);
        if (refused === undefined) return { text: '', json: { refused: null, instead: null } };
        if (instead !== undefined) await (await import('../upgrade/power.ts')).endMachine(machine, 'reboot');
        const what = instead === undefined ? 'nothing else can start' : `restarting into ${instead}`;
        return { text: `The firmware refused ${refused}: ${what}.`, json: { refused, instead: instead ?? null } };
      },
    }),
  ],
});

function nothing(text: string) {
  return { text: `${text} Nothing was done.`, json: { kind: 'not-now' } };
}
