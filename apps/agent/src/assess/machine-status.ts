import type { Machine } from '../machine/machine.ts';
import { readRunningImage } from '../machine/running-image.ts';
import { readStageRecords } from '../stages/stage-record.ts';
import { summarizeRuns, summaryText } from '../stages/status-summary.ts';
import { readLifecycleStatus } from './lifecycle-status.ts';
import { lifecycleHeadline, lifecycleSections } from './lifecycle-status-text.ts';

/** All that is known of how a machine is, for people and as data. */
export interface MachineStatus {
  text: string;
  json: unknown;
}

/**
 * Puts together what stages, assessment and record left behind. `moreWarnings` are asked for where stages ran: without them
 * there is nothing to warn of.
 */
export async function readMachineStatus(
  machine: Machine,
  moreWarnings: () => Promise<readonly string[]> = () => Promise.resolve([]),
): Promise<MachineStatus> {
  const [image, { runs }] = [await readRunningImage(machine), await readStageRecords(machine)];
  const summary = summarizeRuns(runs);
  if (runs.length > 0) summary.warnings.push(...(await moreWarnings()));
  const { warnings, ...lifecycle } = await readLifecycleStatus(machine, summary);
  summary.warnings.push(...warnings);
  const extras = { headline: lifecycleHeadline(lifecycle), sections: lifecycleSections(lifecycle) };
  const { verdict, ...rest } = lifecycle;
  return { text: summaryText(image, summary, extras), json: { verdict, image, ...summary, ...rest } };
}
