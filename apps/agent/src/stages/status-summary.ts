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

/** Stages of every start, in their order. */
const START_STAGES = ['rootfs', 'initramfs', 'fs', 'boot', 'network'];

/** Sums up the last run of every stage, in the order in which they ran. */
export function summarizeRuns(runs: readonly StageRecord[]): StatusSummary {
  const last = [...new Map(runs.map((run) => [run.stage, run])).values()].toSorted((a, b) =>
    a.startedAt < b.startedAt ? -1 : 1,
  );
  const troubles = new Map(last.flatMap(({ config }) => config).map((trouble) => [trouble.source, trouble]));
  return {
    stages: last.map(summarizeRun),
    failed: last.flatMap(failedActions),
    warnings: [...new Set([...missedStages(last), ...last.flatMap(({ warnings }) => warnings)])],
    config: [...troubles.values()],
    notApplied: [...new Set(last.flatMap(({ notApplied }) => notApplied))],
  };
}

/** A stage that a service manager left out leaves no record; that a later one ran tells it. */
function missedStages(runs: readonly StageRecord[]): string[] {
  const ran = new Set(runs.map(({ stage }) => stage));
  // Without the first one the stages were not run by a start of the machine.
  if (!ran.has('rootfs')) return [];
  const lastAt = START_STAGES.findLastIndex((stage) => ran.has(stage));
  return START_STAGES.slice(0, lastAt)
    .filter((stage) => !ran.has(stage))
    .map((stage) => `the stage ${stage} did not run at this start; run it with \`bowline-agent run-stage ${stage}\``);
}

/** What else `status` says: its first line, and titled lines behind those about the stages. */
export interface StatusExtras {
  headline: string;
  sections: [title: string, lines: string[]][];
}

/** The same for people: the verdict first, then the stages, then what needs somebody. */
export function summaryText(image: RunningImage, summary: StatusSummary, extras?: StatusExtras): string {
  const name = [image.name, image.version].filter(Boolean).join(' ');
  const sections: [title: string, lines: string[]][] = [
    ['stages since the machine started', stageLines(summary.stages)],
    ['failed', summary.failed.map(failureLine)],
    ['configuration that cannot be used', summary.config.map(describeTrouble)],
    ['not applied yet', summary.notApplied],
    ['warnings', summary.warnings],
    ...(extras?.sections ?? []),
  ];
  return [
    ...(extras === undefined || extras.headline === '' ? [] : [extras.headline]),
    `image: ${name || 'not known'}${image.id === '' ? '' : ` (${image.id})`}`,
    `result: ${verdict(summary)}`,
    ...sections.flatMap(([title, lines]) =>
      lines.length === 0 ? [] : ['', `${title}:`, ...lines.map((l) => `  ${l}`)],
    ),
  ].join('\n');
}

function verdict({ stages, failed, config, warnings }: StatusSummary): string {
  if (stages.length === 0) return 'no stage ran since the machine started';
  const parts = [
    ...(failed.length > 0 ? [`${failed.length} failed`] : []),
    ...(config.length > 0 ? [`${counted(config.length, 'configuration')} not usable`] : []),
    ...(stages.some(({ finished }) => !finished) ? ['a stage is running, or was stopped'] : []),
    ...(warnings.length > 0 ? [counted(warnings.length, 'warning')] : []),
  ];
  return parts.length === 0 ? 'as configured' : parts.join(', ');
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

/** One line a stage, in columns; what is none is not said. */
function stageLines(stages: readonly StageSummary[]): string[] {
  const rows = stages.map(({ stage, startedAt, durationMs, finished, ...counts }) => [
    stage,
    `${startedAt.slice(0, 19)}Z`,
    finished ? `${durationMs} ms` : 'did not end',
    describeCounts(counts),
  ]);
  const widthOf = (column: number) => Math.max(...rows.map((row) => row[column]?.length ?? 0));
  const [nameWidth, tookWidth] = [widthOf(0), widthOf(2)];
  return rows.map(([name = '', start, took = '', counts]) =>
    [name.padEnd(nameWidth), start, took.padStart(tookWidth), counts].join('  '),
  );
}

function describeCounts({
  steps,
  skipped,
  changed,
  failed,
}: Omit<StageSummary, 'stage' | 'startedAt' | 'durationMs' | 'finished'>): string {
  if (steps === 0) return 'no steps';
  const parts = Object.entries({ skipped, changed, failed }).flatMap(([word, count]) =>
    count > 0 ? [`${count} ${word}`] : [],
  );
  return `${counted(steps, 'step')}: ${parts.length === 0 ? 'nothing to change' : parts.join(', ')}`;
}

function counted(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? '' : 's'}`;
}

function failureLine({ stage, file, step, summary, error }: FailedAction): string {
  const hint = error.hint === undefined ? '' : ` ${error.hint}`;
  return `${stage}: ${file}: step "${step}": ${summary}: ${error.message} (${error.code})${hint}`;
}
