import { findVersion, type PendingUpgrade, type VersionRecord } from '../lifecycle-record/record.ts';
import { readLifecycleRecord } from '../lifecycle-record/record-file.ts';
import { type BootFacts, readBootFacts } from '../machine/boot-facts.ts';
import type { Machine } from '../machine/machine.ts';
import { type Assessment, readAssessment } from './assessment.ts';

/**
 * The state of the machine in one word. `trial`: its version has yet to prove itself. `assessing`: nothing was found out
 * since the machine started. `live`: it runs from a medium or the network. `unknown`: it is no machine of ours.
 */
export type Verdict = 'healthy' | 'degraded' | 'trial' | 'recovery' | 'live' | 'assessing' | 'unknown';

/** A version as `status` shows it. */
export interface VersionStatus extends VersionRecord {
  /** What it is now: the one that runs, the one that starts next, or one of those before. */
  now: 'running' | 'next' | '';
}

/** What `status` says of versions and health. */
export interface LifecycleStatus {
  verdict: Verdict;
  boot: Pick<BootFacts, 'entry' | 'firmware' | 'mode'> & { slot: VersionRecord['slot'] | ''; onTrial: boolean };
  /** The last one since the machine started. */
  assessment: Assessment | undefined;
  /** The newest last. */
  versions: VersionStatus[];
  /** An upgrade that began and has not ended. */
  pendingUpgrade: PendingUpgrade | undefined;
}

/** What else has a say in the verdict: that the configuration is not as it should be. */
export interface ConfigurationHealth {
  failed: readonly unknown[];
  config: readonly unknown[];
}

/** Reads what is remembered of versions, and what was found out about the one that runs. Never fails. */
export async function readLifecycleStatus(
  machine: Machine,
  configuration: ConfigurationHealth,
): Promise<LifecycleStatus & { warnings: string[] }> {
  const [facts, { record, trouble }, assessment] = await Promise.all([
    readBootFacts(machine),
    readLifecycleRecord(machine),
    readAssessment(machine),
  ]);
  const onTrial = facts.mode === 'disk' && facts.startedOnTrial && !facts.blessedSince;
  const running = facts.generation === undefined ? undefined : findVersion(record, facts.generation);
  const isRunning = ({ generation }: VersionRecord) => facts.isInstalled && generation === facts.generation;
  const next = nextVersion(record.versions, facts);
  const versions = record.versions.map((version): VersionStatus => {
    return { ...version, now: isRunning(version) ? 'running' : version === next ? 'next' : '' };
  });
  return {
    verdict: verdictOf(facts, onTrial, assessment, configuration),
    boot: {
      entry: facts.entry,
      firmware: facts.firmware,
      mode: facts.mode,
      slot: facts.isInstalled ? (running?.slot ?? '') : '',
      onTrial,
    },
    assessment,
    versions,
    pendingUpgrade: record.pending,
    warnings: trouble === undefined ? [] : [trouble.message],
  };
}

/** One that was written and has not been started yet: newer than what runs, and nothing is held against it. */
function nextVersion(versions: readonly VersionRecord[], { isInstalled, generation: running }: BootFacts) {
  const newest = versions.findLast(({ generation }) => generation !== 'recovery');
  if (!isInstalled || running === undefined || newest === undefined || newest.verdict === 'bad') return undefined;
  return Number(newest.generation) > running ? newest : undefined;
}

function verdictOf(
  { mode }: BootFacts,
  onTrial: boolean,
  assessment: Assessment | undefined,
  { failed, config }: ConfigurationHealth,
): Verdict {
  if (mode === 'recovery') return 'recovery';
  if (mode === 'live' || mode === 'netboot') return 'live';
  if (mode === undefined) return 'unknown';
  if (onTrial) return 'trial';
  if (assessment === undefined) return 'assessing';
  return assessment.healthy && failed.length === 0 && config.length === 0 ? 'healthy' : 'degraded';
}
