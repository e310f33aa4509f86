import { Command } from 'commander';
import { requireRoot } from '../machine/require-root.ts';
import { defineCommand } from './command.ts';

interface RollbackOptions {
  reboot?: boolean;
}

/** `bowline-agent rollback`: the version before this one starts from now on. */
export const rollback = defineCommand<[], RollbackOptions>({
  declare: () =>
    new Command('rollback')
      .description(
        'Goes back to the version that ran before this one: the machine starts it from now on. The version that runs stays ' +
          'on the disk until the next upgrade; calling this again from the older one goes forth to it.',
      )
      .option('--reboot', 'restart into it at once'),
  examples: ['bowline-agent rollback', 'bowline-agent rollback --reboot'],
  run: async (_args, options, { machine, say }) => {
    requireRoot(machine, 'may go back to another version');
    const [{ withBootMenu }, { rollBack }, { rememberPromoted }, { withLifecycleLock }] = await Promise.all([
      import('../boot-menu/with-boot-menu.ts'),
      import('../boot-menu/roll-back.ts'),
      import('../boot-menu/remember-promoted.ts'),
      import('../upgrade/lifecycle-lock.ts'),
    ]);
    const promoted = await withLifecycleLock(
      machine,
      async () => {
        const done = await withBootMenu(machine, rollBack);
        await rememberPromoted(machine, done);
        return done;
      },
      { say },
    );
    const { title, generation } = promoted.entry;
    if (options.reboot === true) await (await import('../upgrade/power.ts')).endMachine(machine, 'reboot');
    return {
      text: `${title} starts from now on${options.reboot === true ? '; the machine restarts' : ', after a restart'}.`,
      json: { title, generation, before: promoted.before.generation, rebooting: options.reboot === true },
    };
  },
});
