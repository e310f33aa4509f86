import { STAGE_RECORD_FILE } from '@bowline/os-layout';
import { Command } from 'commander';
import { readMachineStatus } from '../assess/machine-status.ts';
import type { Machine } from '../machine/machine.ts';
import { requireReadable } from '../machine/require-readable.ts';
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
    return readMachineStatus(machine, () => accountWarnings(machine));
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
