import type { PluginKey } from '@bowline/spec';
import type { Action } from '../plugins/plugin.ts';

/** One thing a step will do. */
export interface PlannedAction {
  plugin: PluginKey;
  /** Without secrets, one line. */
  summary: string;
  /** Does it. */
  run: Action['run'];
}

/** What is known only when the step's turn comes: earlier steps may change it. */
export interface LateConditions {
  /** Shell command, a template. */
  command?: string;
  files?: { any?: string[] | undefined; all?: string[] | undefined; none?: string[] | undefined };
}

/** One step, in its place. */
export interface PlannedStep {
  /** `boot.before`, `boot` or `boot.after`. */
  stage: string;
  file: string;
  /** Its name in the file; its number unless it has one. */
  step: string;
  conditions: LateConditions;
  /** Why the step does nothing on this machine; its actions are empty then. */
  skippedBecause?: string;
  actions: readonly PlannedAction[];
}

/** What running a stage will do, as data, in order. */
export interface StagePlan {
  stage: string;
  steps: PlannedStep[];
  /** Sentences about what is not as the configuration says: cycles, unknown names, bad expressions. */
  warnings: string[];
}

/** The conditions of a step for people; empty when there are none. */
export function describeConditions({ command, files }: LateConditions): string[] {
  return [
    ...(command === undefined ? [] : [`when \`${oneLine(command)}\` succeeds`]),
    ...(files?.any?.length ? [`when one of ${files.any.join(', ')} exists`] : []),
    ...(files?.all?.length ? [`when ${files.all.join(', ')} exist`] : []),
    ...(files?.none?.length ? [`when none of ${files.none.join(', ')} exists`] : []),
  ];
}

function oneLine(text: string): string {
  const line = text.trim().replaceAll(/\s+/g, ' ');
  return line.length > 100 ? `${line.slice(0, 100)}...` : line;
}
