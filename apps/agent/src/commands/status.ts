import { STAGE_RECORD_FILE } from '@bowline/os-layout';
import { Command } from 'commander';
import { readLifecycleStatus } from '../assess/lifecycle-status.ts';
import { lifecycleHeadline, lifecycleSections } from '../assess/lifecycle-status-text.ts';
import type { Machine } from '../machine/machine.ts';
import { requireReadable } from '../machine/require-readable.ts';
import { readRunningImage } from '../machine/running-image.ts';
import { readStageRecords } from '../stages/stage-record.ts';
import { summarizeRuns, summaryText } from '../stages/status-summary.ts';
import { defineCommand } from './command.ts';

/** `bowline-agent status`: how the machine is: its version, what the stages did, and what is not as the configuration says. */
export const status = defineCommand<[], object>({
  declare: () =>
    new Command('status').description(
      'Shows which stages ran since the machine started, which steps failed and why, what is wrong in the ' +
        'configuration, what of it is not applied yet, and where a last good copy is used instead of a bad file; whether ' +
        'the version that runs is healthy, and what became of those before it.',
    ),
  examples: ['bowline-agent status', 'bowline-agent status --json'],
  run: async (_args, _options, { machine }) => {
    await requireReadable(machine, STAGE_RECORD_FILE, 'what the stages did');
    const [image, { runs }] = [await readRunningImage(machine), await readStageRecords(machine)];
    const summary = summarizeRuns(runs);
    if (runs.length > 0) summary.warnings.push(...(await accountWarnings(machine)));
    const { warnings, ...lifecycle } = await readLifecycleStatus(machine, summary);
    summary.warnings.push(...warnings);
    const extras = { headline: lifecycleHeadline(lifecycle), sections: lifecycleSections(lifecycle) };
    const { verdict, ...rest } = lifecycle;
    return { text: summaryText(image, summary, extras), json: { verdict, image, ...summary, ...rest } };
  },
});

async function accountWarnings(machine: Machine): Promise<readonly string[]> {
  const { reportAccounts } = await import('../accounts/account-report.ts');
  // Files of accounts that cannot be read are for the stages to complain about.
  return await reportAccounts(machine).then(
    ({ warnings }) => warnings,
    () => [],
  );
}
