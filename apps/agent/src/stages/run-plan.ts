import { access } from 'node:fs/promises';
import { BowlineError } from '@bowline/errors';
import { AgentError } from '../error.ts';
import type { Machine } from '../machine/machine.ts';
import type { Outcome } from '../plugins/plugin.ts';
import type { LateConditions, PlannedAction, PlannedStep, StagePlan } from './stage-plan.ts';
import type { ActionRecord, StepRecord } from './stage-record.ts';

const CONDITION_TIMEOUT_MS = 60_000;

/** How a plan is run. */
export interface RunOptions {
  /** For all actions of a step together. */
  stepTimeoutMs: number;
  /** Told as each step ends. */
  onStep?: (step: StepRecord) => void | Promise<void>;
}

/** Runs every step of a plan, in its order. A failure stops nothing but the action it happened in. */
export async function runPlan(plan: StagePlan, machine: Machine, options: RunOptions): Promise<StepRecord[]> {
  const records: StepRecord[] = [];
  for (const step of plan.steps) {
    machine.signal.throwIfAborted();
    const record = await runStep(step, machine, options.stepTimeoutMs);
    records.push(record);
    await options.onStep?.(record);
  }
  return records;
}

async function runStep(planned: PlannedStep, machine: Machine, timeoutMs: number): Promise<StepRecord> {
  const { stage, file, step } = planned;
  const record: StepRecord = { stage, file, step, actions: [] };
  if (planned.skippedBecause !== undefined) return { ...record, skippedBecause: planned.skippedBecause };
  const timeUp = new AbortController();
  const timer = setTimeout(() => timeUp.abort(stepTimeout(timeoutMs)), timeoutMs);
  const limited = machine.withSignal(AbortSignal.any([machine.signal, timeUp.signal]));
  try {
    const against = await conditionAgainst(planned.conditions, limited);
    if (typeof against === 'string') return { ...record, skippedBecause: against };
    if (against !== undefined) return { ...record, actions: [failedCondition(against.error)] };
    for (const action of planned.actions) record.actions.push(await runAction(action, limited));
    return record;
  } finally {
    clearTimeout(timer);
  }
}

async function runAction({ plugin, summary, run }: PlannedAction, machine: Machine): Promise<ActionRecord> {
  const action = { plugin, summary };
  const startedMs = performance.now();
  const durationMs = () => Math.round(performance.now() - startedMs);
  if (machine.signal.aborted) {
    return { ...action, result: 'skipped', durationMs: 0, note: 'the time of its step was used up' };
  }
  try {
    const outcome = await untilAborted(run(machine), machine.signal);
    return {
      ...action,
      result: outcome.changed ? 'changed' : 'unchanged',
      durationMs: durationMs(),
      ...(outcome.note === undefined ? {} : { note: outcome.note }),
    };
  } catch (thrown) {
    const error = machine.signal.aborted ? machine.signal.reason : thrown;
    return { ...action, result: 'failed', durationMs: durationMs(), error: describeError(error) };
  }
}

/** An action that does not listen to its signal is left behind, not waited for. */
async function untilAborted(work: Promise<Outcome>, signal: AbortSignal): Promise<Outcome> {
  const graceMs = 5000;
  let giveUp: NodeJS.Timeout | undefined;
  let onAbort: (() => void) | undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    onAbort = () => {
      giveUp = setTimeout(() => reject(signal.reason), graceMs);
    };
    signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    clearTimeout(giveUp);
    if (onAbort !== undefined) signal.removeEventListener('abort', onAbort);
  }
}

/** Why the step does nothing now; an error when that could not be found out. */
async function conditionAgainst(
  { command, files }: LateConditions,
  machine: Machine,
): Promise<string | { error: unknown } | undefined> {
  const exists = (path: string) =>
    access(machine.locate(path)).then(
      () => true,
      () => false,
    );
  const states = async (paths: readonly string[]) => Promise.all(paths.map(exists));
  if (files?.any?.length && !(await states(files.any)).includes(true)) {
    return `if_files: none of ${files.any.join(', ')} exists`;
  }
  if (files?.all?.length && (await states(files.all)).includes(false)) {
    return `if_files: not all of ${files.all.join(', ')} exist`;
  }
  if (files?.none?.length && (await states(files.none)).includes(true)) {
    return `if_files: one of ${files.none.join(', ')} exists`;
  }
  if (command === undefined) return undefined;
  try {
    return (await succeeds(await machine.render(command), machine)) ? undefined : 'if: the command did not succeed';
  } catch (error) {
    return { error: machine.signal.aborted ? machine.signal.reason : error };
  }
}

/** The output is for nobody: it may hold anything. */
async function succeeds(command: string, machine: Machine): Promise<boolean> {
  try {
    await machine.processes.run({
      argv: [(await machine.program('sh')) ?? '/bin/sh', '-c', command],
      name: 'if',
      stdout: { kind: 'chunks', onChunk: () => undefined },
      cwd: machine.locate('/'),
      // As for commands: the machine's own zone.
      env: { TZ: ':/etc/localtime' },
      timeoutMs: CONDITION_TIMEOUT_MS,
      signal: machine.signal,
    });
    return true;
  } catch (error) {
    if (error instanceof BowlineError && error.code === 'PROCESS_FAILED') return false;
    throw error;
  }
}

function failedCondition(error: unknown): ActionRecord {
  return {
    plugin: 'if',
    summary: 'if: find out whether to run',
    result: 'failed',
    durationMs: 0,
    error: describeError(error),
  };
}

function describeError(error: unknown): { code: string; message: string; hint?: string } {
  if (error instanceof BowlineError) {
    return { code: error.code, message: error.message, ...(error.hint === undefined ? {} : { hint: error.hint }) };
  }
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'INTERNAL';
  // Messages of the system name paths, never contents; those of a fault of ours may quote anything.
  return { code, message: code === 'INTERNAL' ? 'a fault of the agent' : String((error as Error).message) };
}

function stepTimeout(timeoutMs: number): AgentError {
  return new AgentError({
    code: 'STEP_TIMEOUT',
    message: `the step did not end within ${timeoutMs / 1000} s`,
    hint: 'Make it quicker, or give it more time with --step-timeout.',
  });
}
