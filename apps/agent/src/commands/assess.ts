import { Command } from 'commander';
import type { Assessment } from '../assess/assessment.ts';
import { ASSESSMENT_FILE, failuresOf } from '../assess/assessment.ts';
import { requireReadable } from '../machine/require-readable.ts';
import { defineCommand } from './command.ts';

interface AssessCommandOptions {
  dryRun?: boolean;
  decide?: boolean;
}

/** `bowline-agent assess`: whether the running version is healthy, and what follows from it. */
export const assess = defineCommand<[], AssessCommandOptions>({
  declare: () =>
    new Command('assess')
      .description(
        'Looks once whether the running version of the image is healthy, by the checks of its bowl, and says what is not. A ' +
          'version on trial that is healthy is kept; nothing else is changed. Ends with 1 when it is not healthy.',
      )
      .option('--dry-run', 'only look: keep nothing, not even the result')
      .option(
        '--decide',
        'what the machine calls itself at every start: look until all is well or the time of the bowl is up; restart a ' +
          'version on trial that is not healthy',
      ),
  examples: ['bowline-agent assess', 'bowline-agent assess --dry-run --json'],
  run: async (_args, options, { machine, say }) => {
    await requireReadable(machine, ASSESSMENT_FILE, 'whether this version is healthy');
    const [{ assess: assessNow }, { withBootMenu }] = await Promise.all([
      import('../assess/assess.ts'),
      import('../boot-menu/with-boot-menu.ts'),
    ]);
    const assessment = await assessNow(machine, {
      withMenu: withBootMenu,
      deciding: options.decide === true && options.dryRun !== true,
      dryRun: options.dryRun === true,
      say,
    });
    if (options.decide === true && options.dryRun !== true) {
      await (await import('../boot-menu/inform-firmware.ts')).keepFirmwareInformed(machine, say);
    }
    return { text: assessmentText(assessment), json: assessment, exitCode: assessment.healthy ? 0 : 1 };
  },
});

/** The verdict, then every check. */
function assessmentText({ healthy, onTrial, result, checks, notes }: Assessment): string {
  const trial = result === 'blessed' ? ', has proved itself now and is kept' : onTrial ? ', on trial' : '';
  const width = Math.max(0, ...checks.map(({ state }) => state.length));
  return [
    `this version: ${healthy ? 'healthy' : 'not healthy'}${trial}`,
    ...(healthy ? [] : [`because: ${failuresOf(checks)}`]),
    ...checks.map(({ title, state, reason }) => `  ${state.padEnd(width)}  ${title}${reason && `: ${reason}`}`),
    ...notes,
  ].join('\n');
}
