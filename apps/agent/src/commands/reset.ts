import { Command } from 'commander';
import { defineCommand } from './command.ts';

interface ResetOptions {
  keep?: string[];
  oem?: boolean;
  reboot?: boolean;
  yes?: boolean;
  cancel?: boolean;
}

/** `bowline-agent reset`: empties the state of the machine at its next start. */
export const reset = defineCommand<[], ResetOptions>({
  declare: () =>
    new Command('reset')
      .description(
        'Empties the state of this machine at its next start: data, logs, users that were added by hand, machine ID and ' +
          'SSH host keys. The installed versions stay, and so does the configuration in /oem.',
      )
      .option('--keep <paths...>', 'files and folders that stay, such as /var/lib/app')
      .option('--oem', 'the configuration in /oem goes, too')
      .option('--reboot', 'restart at once')
      .option('--yes', 'do not ask')
      .option('--cancel', 'take back what was asked for before'),
  examples: [
    'bowline-agent reset',
    'bowline-agent reset --keep /var/lib/app /home --yes --reboot',
    'bowline-agent reset --oem',
    'bowline-agent reset --cancel',
  ],
  run: async (_args, options, { machine, say }) => {
    const { cancelReset, requestReset } = await import('../reset/request-reset.ts');
    if (options.cancel === true) {
      await cancelReset(machine);
      return { text: 'The next start resets nothing.', json: { reset: 'none' } };
    }
    const [{ readResetConfig }, { resetRequest }, { confirm }] = await Promise.all([
      import('../reset/reset-config.ts'),
      import('../reset/reset-request.ts'),
      import('../reset/confirm.ts'),
    ]);
    const config = await readResetConfig(machine);
    for (const warning of config.warnings) say(`warning: ${warning}`);
    const wish = { keep: options.keep ?? [], oem: options.oem === true || config.oem, state: config.state };
    const request = resetRequest(wish);
    const stays = wish.oem ? wish.keep : ['/oem', ...wish.keep];
    const what = wish.state
      ? `all data of this machine${stays.length === 0 ? '' : ` except ${stays.join(', ')}`}`
      : wish.oem
        ? 'the configuration in /oem'
        : 'nothing: reset-persistent is false in the configuration, and --oem was not given';
    if (options.yes !== true) await confirm(`The next start erases ${what}. Go on?`, say);
    await requestReset(machine, request);
    const afterwards = options.reboot === true ? 'reboot' : config.afterwards;
    if (afterwards !== undefined) await (await import('../upgrade/power.ts')).endMachine(machine, afterwards);
    return {
      text: `The next start erases ${what}.`,
      json: { reset: 'requested', keep: request.keep, oem: request.dropOem, afterwards: afterwards ?? 'nothing' },
    };
  },
});
