import { BowlineError } from '@bowline/errors';
import type { MachineDocument, PluginKey, Step } from '@bowline/spec';
import type { MachineFacts } from '../machine/machine.ts';
import type { StepPlugin } from '../plugins/plugin.ts';
import { factsAgainst, hasExpressions, type MatchExpression } from './conditions.ts';
import { type OrderedStep, orderSteps, stepLabel } from './order.ts';
import type { LateConditions, PlannedAction, PlannedStep, StagePlan } from './stage-plan.ts';

/** Plugins by the key of a step, in the order in which a step does them. */
export type Plugins = { readonly [K in PluginKey]: () => Promise<StepPlugin<K>> };

/**
 * What running a stage will do: data that follows from documents and facts alone. Nothing is read or changed, so a dry
 * run prints the plan that the real run executes.
 */
export async function planStage(
  stage: string,
  documents: readonly MachineDocument[],
  facts: MachineFacts,
  plugins: Plugins,
): Promise<StagePlan> {
  const { steps, warnings } = orderSteps(stage, documents);
  const matches = steps.some(({ step }) => hasExpressions(step)) ? await loadMatcher() : () => true;
  const plan: StagePlan = { stage, steps: [], warnings };
  for (const ordered of steps) plan.steps.push(await planStep(ordered, facts, matches, plugins, warnings));
  return plan;
}

async function planStep(
  ordered: OrderedStep,
  facts: MachineFacts,
  matches: MatchExpression,
  plugins: Plugins,
  warnings: string[],
): Promise<PlannedStep> {
  const { step, stage, document, index } = ordered;
  const planned = {
    stage,
    file: document.file,
    step: step.name ?? String(index),
    conditions: lateConditions(step),
    actions: [],
  };
  const against = factsAgainst(step, facts, matches);
  if (against !== undefined) {
    if (against.warning !== undefined)
      warnings.push(`${document.file}: step "${stepLabel(ordered)}": ${against.warning}`);
    return { ...planned, skippedBecause: against.reason };
  }
  const actions: PlannedAction[] = [];
  for (const key of Object.keys(plugins) as PluginKey[]) {
    if (step[key] !== undefined) actions.push(...(await planKey(key, step, plugins)));
  }
  return { ...planned, actions };
}

/** A key whose values are wrong is one action that fails: the other keys of the step do their work. */
async function planKey<K extends PluginKey>(key: K, step: Step, plugins: Plugins): Promise<PlannedAction[]> {
  const config = step[key];
  if (config === undefined) return [];
  try {
    const plugin = await plugins[key]();
    return plugin.actions(config, step).map((action) => ({
      plugin: key,
      summary: action.summary,
      run: (machine) => action.run(machine),
    }));
  } catch (error) {
    const message = error instanceof BowlineError ? error.message : 'the values cannot be used';
    return [
      {
        plugin: key,
        summary: `${key}: ${message}`,
        run: () => Promise.reject(error),
      },
    ];
  }
}

function lateConditions(step: Step): LateConditions {
  return {
    ...(step.if === undefined || step.if.trim() === '' ? {} : { command: step.if }),
    ...(step.if_files === undefined ? {} : { files: step.if_files }),
  };
}

/** RE2: linear time, so an expression in a hostile file cannot stop the machine. */
async function loadMatcher(): Promise<MatchExpression> {
  const { RE2JS } = await import('re2js');
  return (expression, text) => RE2JS.compile(expression).matcher(text).find();
}
