import { describeTrouble } from '../config/use-config.ts';
import type { RunningImage } from '../machine/running-image.ts';
import type { ActionRecord, ConfigTrouble, StageRecord } from './stage-record.ts';

/** The last run of a stage, in numbers. */
export interface StageSummary {
  stage: string;
  startedAt: string;
  durationMs: number;
  finished: boolean;
  steps: number;
  skipped: number;
  changed: number;
  failed: number;
}

/** An action that did not do what the configuration says. */
export interface FailedAction {
  stage: string;
  file: string;
  step: string;
  plugin: string;
  summary: string;
  error: NonNullable<ActionRecord['error']>;
}

/** What the last run of every stage says about the machine. */
export interface StatusSummary {
  stages: StageSummary[];
  failed: FailedAction[];
  warnings: string[];
  config: ConfigTrouble[];
  notApplied: string[];
}

/** Sums up the last run of every stage, in the order in which they ran. */
export function summarizeRuns(runs: readonly StageRecord[]): StatusSummary {
  const last = [...new Map(runs.map((run) => [run.stage, run])).values()].toSorted((a, b) =>
    a.startedAt < b.startedAt ? -1 : 1,
  );
  const troubles = new Map(last.flatMap(({ config }) => config).map((trouble) => [trouble.source, trouble]));
  return {
    stages: last.map(summarizeRun),
    failed: last.flatMap(failedActions),
    warnings: [...new Set(last.flatMap(({ warnings }) => warnings))],
    config: [...troubles.values()],
    notApplied: [...new Set(last.flatMap(({ notApplied }) => notApplied))],
  };
}

/** The same for people. */
export function summaryText(image: RunningImage, summary: StatusSummary): string {
  const name = [image.name, image.version].filter(Boolean).join(' ');
  const sections: [title: string, lines: string[]][] = [
    ['stages', summary.stages.map(stageLine)],
    ['failed', summary.failed.map(failureLine)],
    ['configuration that cannot be used', summary.config.map(describeTrouble)],
    ['not applied yet', summary.notApplied],
    ['warnings', summary.warnings],
  ];
  return [
    `image: ${name || 'not known'}${image.id === '' ? '' : ` (${image.id})`}`,
    ...(summary.stages.length === 0 ? ['No stage ran since the machine started.'] : []),
    ...sections.flatMap(([title, lines]) =>
      lines.length === 0 ? [] : ['', `${title}:`, ...lines.map((l) => `  ${l}`)],
    ),
  ].join('\n');
}

function summarizeRun({ stage, startedAt, durationMs, finished, steps }: StageRecord): StageSummary {
  const actions = steps.flatMap((step) => step.actions);
  const count = (result: ActionRecord['result']) => actions.filter((action) => action.result === result).length;
  return {
    stage,
    startedAt,
    durationMs,
    finished,
    steps: steps.length,
    skipped: steps.filter(({ skippedBecause }) => skippedBecause !== undefined).length,
    changed: count('changed'),
    failed: count('failed'),
  };
}

function failedActions({ steps }: StageRecord): FailedAction[] {
  return steps.flatMap(({ stage, file, step, actions }) =>
    actions.flatMap(({ plugin, summary, error }) =>
      error === undefined ? [] : [{ stage, file, step, plugin, summary, error }],
    ),
  );
}

function stageLine({ stage, startedAt, durationMs, finished, steps, skipped, changed, failed }: StageSummary): string {
  const state = finished ? `${durationMs} ms` : 'did not end';
  return `${stage}: ${startedAt.slice(0, 19)}Z, ${state}: ${steps} steps, ${skipped} skipped, ${changed} changed, ${failed} failed`;
}

function failureLine({ stage, file, step, summary, error }: FailedAction): string {
  const hint = error.hint === undefined ? '' : ` ${error.hint}`;
  return `${stage}: ${file}: step "${step}": ${summary}: ${error.message} (${error.code})${hint}`;
}
