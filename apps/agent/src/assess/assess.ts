import { writeFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { BLESSED_FILE, bootEntryId } from '@bowline/os-layout';
import { judgeVersion, type VersionRecord } from '../lifecycle-record/record.ts';
import { changeLifecycleRecord } from '../lifecycle-record/record-file.ts';
import { type BootFacts, readBootFacts } from '../machine/boot-facts.ts';
import type { Machine } from '../machine/machine.ts';
import { readLifecycle } from '../machine/read-lifecycle.ts';
import { runAfterRollback } from './after-rollback.ts';
import { type AssessOptions, complain, tell } from './assess-options.ts';
import { type Assessment, type CheckNote, failuresOf, keepAssessment } from './assessment.ts';
import { awaitHealth } from './await-health.ts';
import { decide } from './decide.ts';
import { writeEspReason } from './esp-reason.ts';
import { findRunning, type Running } from './find-running.ts';
import { writeLastRun } from './look-back.ts';
import { restartMachine } from './restart-machine.ts';
import { withRunning } from './running-version.ts';

const BLESS_PAUSES_MS = [2000, 10_000, 30_000];

/**
 * Assesses the running version: looks back at versions that were given up, runs the checks, and does what follows. The order
 * is such that a power cut at any moment only repeats something. Throws SpecError LIFECYCLE_INVALID.
 */
export async function assess(machine: Machine, options: AssessOptions): Promise<Assessment> {
  const startedMs = performance.now();
  const document = await readLifecycle(machine);
  const facts = await readBootFacts(machine);
  const notes: string[] = [];
  const running = await findRunning(machine, facts, options, notes);
  if (running.wentBack) notes.push(...(await runAfterRollback(machine, document.hooks.afterRollback, options.say)));
  if (!options.dryRun && running.version !== undefined) {
    await writeLastRun(machine, running.version.imageId).catch((error: unknown) => complain(options, error));
  }
  const withinMs = options.deciding ? document.withinSeconds * 1000 : 0;
  const { pausesMs } = options;
  const window = pausesMs === undefined ? { withinMs } : { withinMs, pausesMs };
  const found = await awaitHealth(isVersion(facts, options) ? document.checks : [], machine, window);
  const checks: CheckNote[] = found.checks.map(({ title, state, reason }) => ({ title, state, reason }));
  const assessment: Assessment = {
    assessmentVersion: 1,
    at: machine.clock.now().toISOString(),
    durationMs: Math.round(performance.now() - startedMs),
    rounds: found.rounds,
    healthy: found.healthy,
    onTrial: running.onTrial,
    result: 'noted',
    checks,
    notes,
  };
  // Stopped from outside, such as by a shutdown: nothing was found out.
  if (options.dryRun || machine.signal.aborted) return assessment;
  await act(machine, running, assessment, options);
  return assessment;
}

/** A medium, the network or the recovery start what is no version of this machine: its checks mean nothing there, but to who asks. */
function isVersion({ isInstalled, mode }: BootFacts, { deciding }: AssessOptions): boolean {
  return !deciding || isInstalled || mode === undefined;
}

async function act(machine: Machine, running: Running, assessment: Assessment, options: AssessOptions): Promise<void> {
  const { mode } = running.facts;
  const situation = { mode, onTrial: running.onTrial, deciding: options.deciding };
  let decision = decide({ ...situation, healthy: assessment.healthy });
  if (decision === 'bless') {
    try {
      await bless(machine, running, options);
      assessment.result = 'blessed';
    } catch (error) {
      const reason = `this version cannot be marked as good: ${error instanceof Error ? error.message : ''}`;
      assessment.checks.push({ title: 'boot menu', state: 'failed', reason });
      assessment.healthy = false;
      decision = decide({ ...situation, healthy: false });
    }
  }
  const failures = failuresOf(assessment.checks);
  if (decision === 'restart') {
    assessment.result = 'restart';
    await keepAssessment(machine, assessment);
    await giveWay(machine, running, failures, options);
    return;
  }
  if (!assessment.healthy) await tell(machine, `this version is not healthy: ${failures}`, options, true);
  await keepAssessment(machine, assessment);
}

/** The menu first, because it decides; then the initrd's clock is stopped; the record only explains. */
async function bless(machine: Machine, running: Running, options: AssessOptions): Promise<void> {
  const generation = generationOf(running);
  if (generation !== undefined) {
    await withPatience(machine, options, () => options.withMenu(machine, (menu) => menu.bless(generation)));
  }
  await writeFile(machine.locate(BLESSED_FILE), '');
  await judge(machine, running, { verdict: 'blessed' }, options);
  await tell(machine, `${titleOf(running)} is healthy: it is kept`, options, false);
}

/** A disk or a lock that is busy for a moment is no reason to give up a healthy version. */
async function withPatience(machine: Machine, { pausesMs }: AssessOptions, work: () => Promise<void>): Promise<void> {
  for (const pause of pausesMs ?? BLESS_PAUSES_MS) {
    try {
      return await work();
    } catch {
      await delay(pause, undefined, { signal: machine.signal });
    }
  }
  await work();
}

/** The reason goes where the version before finds it, whatever becomes of the state. */
async function giveWay(machine: Machine, running: Running, reason: string, options: AssessOptions): Promise<void> {
  const generation = generationOf(running);
  if (generation !== undefined) {
    const write = () => writeEspReason(machine, { entry: bootEntryId(generation), sentence: reason });
    await options.withMenu(machine, write).catch((error: unknown) => complain(options, error));
    // It may have tries left; the version that runs after it sees whether it was the last.
    await judge(machine, running, { verdict: 'trial', reason }, options);
  }
  await tell(machine, `${titleOf(running)} is not healthy: ${reason}. Restarting`, options, true);
  await (options.restart ?? restartMachine)(machine);
}

/** The record explains, the boot menu decides: a record that cannot be written is told, and stops nothing. */
async function judge(
  machine: Machine,
  { version, entry }: Running,
  note: { verdict: VersionRecord['verdict']; reason?: string },
  options: AssessOptions,
): Promise<void> {
  if (entry === undefined) return;
  const at = machine.clock.now().toISOString();
  const change = changeLifecycleRecord(machine, (record) =>
    judgeVersion(withRunning(record, version), entry.generation, { ...note, at }),
  );
  await change.catch((error: unknown) => complain(options, error));
}

function generationOf({ entry, facts }: Running): number | undefined {
  return typeof entry?.generation === 'number' ? entry.generation : facts.generation;
}

function titleOf({ version, facts }: Running): string {
  return version === undefined ? facts.entry || 'this version' : `${version.name} ${version.version}`;
}
