import { STAGE_FOLDERS } from '@bowline/os-layout';
import { type Collected, collectConfig } from '../config/collect.ts';
import type { RemoteLimits } from '../config/remote-config.ts';
import { describeTrouble } from '../config/use-config.ts';
import type { Machine } from '../machine/machine.ts';
import { withPidLock } from '../machine/pid-lock.ts';
import { PLUGINS } from '../plugins/registry.ts';
import { stepLines, tellConsole, warningLine } from './journal.ts';
import { planStage } from './plan-stage.ts';
import { runPlan } from './run-plan.ts';
import type { StagePlan } from './stage-plan.ts';
import { readStageRecords, type StageRecord, type StepRecord, writeStageRecord } from './stage-record.ts';

const LOCK_FILE = '/run/bowline/run-stage.lock';
const STEP_TIMEOUT_MS = 10 * 60_000;
/** While a stage runs its record is written at most this often. */
const RECORD_PAUSE_MS = 250;
const MAX_WARNINGS = 500;

/** How a stage is run. */
export interface StageOptions {
  /** Folders besides the usual ones. */
  folders?: readonly string[];
  /** Only `folders`. */
  onlyFolders?: boolean;
  stepTimeoutMs?: number;
  /** Gets lines with a priority of the journal in front. */
  say?: (line: string) => void;
  limits?: RemoteLimits;
}

/** The plan of a stage, and the configuration it was made from. */
export interface StagePreview {
  plan: StagePlan;
  collected: Collected;
}

/** What running a stage would do. Nothing is changed, and nothing kept. */
export async function previewStage(stage: string, machine: Machine, options: StageOptions = {}): Promise<StagePreview> {
  return await prepare(stage, machine, options, false);
}

/**
 * Runs a stage: one at a time on a machine. What happened is in the record, told line by line, and returned.
 * Throws only when there is no way to run anything: HostError LOCK_FAILED | ABORTED.
 */
export async function runStage(stage: string, machine: Machine, options: StageOptions = {}): Promise<StageRecord> {
  const say = options.say ?? (() => undefined);
  const lock = {
    signal: machine.signal,
    onWait: () => say(warningLine(`${stage}: another stage is running: waiting`)),
  };
  return await withPidLock(machine.locate(LOCK_FILE), lock, async () => {
    const startedMs = performance.now();
    const startedAt = machine.clock.now().toISOString();
    const { plan, collected } = await prepare(stage, machine, options, true);
    const record: StageRecord = {
      stage,
      startedAt,
      durationMs: 0,
      finished: false,
      steps: [],
      warnings: [...collected.warnings, ...plan.warnings].slice(0, MAX_WARNINGS),
      config: collected.troubles,
      notApplied: collected.notApplied,
    };
    await reportTroubles(record, machine, say);
    const save = async () => {
      record.durationMs = Math.round(performance.now() - startedMs);
      await writeStageRecord(machine, record).catch((error: unknown) => {
        say(warningLine(`${stage}: the record cannot be written: ${error instanceof Error ? error.message : ''}`));
      });
    };
    if (plan.steps.length > 0) await save();
    const notePasswords = await watchPasswords(plan, machine);
    let savedMs = performance.now();
    const onStep = async (step: StepRecord): Promise<void> => {
      record.steps.push(step);
      for (const line of stepLines(step)) say(line);
      if (performance.now() - savedMs < RECORD_PAUSE_MS) return;
      await save();
      savedMs = performance.now();
    };
    try {
      await runPlan(plan, machine, { stepTimeoutMs: options.stepTimeoutMs ?? STEP_TIMEOUT_MS, onStep });
      await notePasswords().catch(() => say(warningLine(`${stage}: cannot tell which passwords its commands set`)));
      record.finished = true;
    } finally {
      // Also when it was stopped in the middle: what was done is known then.
      await save();
    }
    return record;
  });
}

/** What commands set with chpasswd is the configuration's, not a change on the machine that is to be kept. */
async function watchPasswords(plan: StagePlan, machine: Machine): Promise<() => Promise<void>> {
  const hasCommands = plan.steps.some(({ actions }) => actions.some(({ plugin }) => plugin === 'commands'));
  if (!hasCommands) return async () => undefined;
  const { notePasswordsOfStage, snapshotPasswords } = await import('../accounts/save-passwords.ts');
  const before = await snapshotPasswords(machine).catch(() => undefined);
  return async () => {
    if (before !== undefined) await notePasswordsOfStage(machine, before);
  };
}

async function prepare(stage: string, machine: Machine, options: StageOptions, keep: boolean): Promise<StagePreview> {
  const own = options.folders ?? [];
  const collected = await collectConfig(machine, {
    folders: options.onlyFolders === true ? own : [...STAGE_FOLDERS, ...own],
    fetch: stage === 'network',
    keep,
    ...(options.limits === undefined ? {} : { limits: options.limits }),
  });
  const plan = await planStage(stage, collected.documents, await machine.facts(), PLUGINS);
  return { plan, collected };
}

/** Once per start of the machine: the same configuration is read by every stage. */
async function reportTroubles(record: StageRecord, machine: Machine, say: (line: string) => void): Promise<void> {
  const troubles = record.config.map(describeTrouble);
  if (record.warnings.length + troubles.length === 0) return;
  const { runs } = await readStageRecords(machine);
  const told = new Set(runs.flatMap(({ config, warnings }) => [...config.map(describeTrouble), ...warnings]));
  for (const line of [...record.warnings, ...troubles]) {
    if (!told.has(line)) say(warningLine(`${record.stage}: ${line}`));
  }
  for (const line of troubles) if (!told.has(line)) await tellConsole(machine, line);
}
