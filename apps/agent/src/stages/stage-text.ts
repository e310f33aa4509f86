import type { Collected } from '../config/collect.ts';
import { describeConditions, type StagePlan } from './stage-plan.ts';
import type { StageRecord } from './stage-record.ts';

/** A plan for people: every step in its place, every action in its order. */
export function stagePlanText({ stage, steps }: StagePlan): string {
  if (steps.length === 0) return `${stage}: no steps`;
  return steps
    .flatMap((step) => [
      `${step.stage}: ${step.file}: ${step.step}`,
      ...(step.skippedBecause === undefined ? [] : [`  skipped: ${step.skippedBecause}`]),
      ...describeConditions(step.conditions).map((condition) => `  ${condition}`),
      ...step.actions.map(({ plugin, summary }) => `  ${plugin}: ${summary}`),
    ])
    .join('\n');
}

/** The same as data. */
export function stagePlanDocument({ stage, steps, warnings }: StagePlan, collected: Collected): unknown {
  return {
    stage,
    steps: steps.map(({ stage: part, file, step, conditions, skippedBecause, actions }) => ({
      stage: part,
      file,
      step,
      conditions: describeConditions(conditions),
      ...(skippedBecause === undefined ? {} : { skippedBecause }),
      actions: actions.map(({ plugin, summary }) => ({ plugin, summary })),
    })),
    warnings: [...collected.warnings, ...warnings],
    config: collected.troubles,
  };
}

/** One line about a run; the journal has the rest. */
export function stageRecordText({ stage, steps, durationMs }: StageRecord): string {
  if (steps.length === 0) return `${stage}: no steps (${durationMs} ms)`;
  const ran = steps.filter(({ skippedBecause }) => skippedBecause === undefined);
  const failed = ran.filter(({ actions }) => actions.some(({ result }) => result === 'failed'));
  const parts = [
    `${ran.length} ${ran.length === 1 ? 'step' : 'steps'} done`,
    ...(steps.length > ran.length ? [`${steps.length - ran.length} skipped`] : []),
    ...(failed.length > 0 ? [`${failed.length} failed`] : []),
  ];
  return `${stage}: ${parts.join(', ')} (${durationMs} ms)`;
}
