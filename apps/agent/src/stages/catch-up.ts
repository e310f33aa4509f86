import type { Machine } from '../machine/machine.ts';
import { runStage, type StageOptions } from './run-stage.ts';
import type { StageRecord } from './stage-record.ts';

/** Stages of a start that user data may have steps for, in their order. */
const STAGES = ['initramfs', 'fs', 'boot', 'network'];

/**
 * Runs what came too early: when a stage brought new user data, the stages of this start up to this one run again with
 * it, so that a machine in a cloud is configured at its first start and not at its second. Steps that ran already change
 * nothing. Gives their records.
 */
export async function catchUp(record: StageRecord, machine: Machine, options: StageOptions): Promise<StageRecord[]> {
  const at = STAGES.indexOf(record.stage);
  // In rootfs nothing was missed, and initramfs itself is repeated with what it found.
  if (at < 0 || !broughtUserdata(record)) return [];
  const records: StageRecord[] = [];
  for (const stage of STAGES.slice(0, at + 1)) records.push(await runStage(stage, machine, options));
  return records;
}

function broughtUserdata({ steps }: StageRecord): boolean {
  return steps.some(({ actions }) =>
    actions.some(({ plugin, result }) => plugin === 'datasource' && result === 'changed'),
  );
}
