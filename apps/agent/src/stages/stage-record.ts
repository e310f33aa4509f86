import { mkdir, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { writeFileAtomic } from '@bowline/host';
import { STAGE_RECORD_FILE } from '@bowline/os-layout';
import type { Machine } from '../machine/machine.ts';

/** What became of an action. */
export interface ActionRecord {
  plugin: string;
  summary: string;
  result: 'changed' | 'unchanged' | 'failed' | 'skipped';
  durationMs: number;
  error?: { code: string; message: string; hint?: string };
  note?: string;
}

/** What became of a step. */
export interface StepRecord {
  stage: string;
  file: string;
  step: string;
  actions: ActionRecord[];
  skippedBecause?: string;
}

/** A configuration that could not be used, and what was used instead. */
export interface ConfigTrouble {
  source: string;
  reason: string;
  /** When the copy was made that is used instead. */
  lastGood?: string;
  /** There is no copy, but part of the text could be read and is used. */
  partly?: boolean;
}

/** One run of a stage. */
export interface StageRecord {
  stage: string;
  /** ISO 8601. */
  startedAt: string;
  durationMs: number;
  /** False while it runs, and for ever when it was killed. */
  finished: boolean;
  steps: StepRecord[];
  warnings: string[];
  config: ConfigTrouble[];
  /** Keys of the configuration that nothing applies yet. */
  notApplied: string[];
}

/** All runs since the machine started, oldest first. */
export interface StageRecords {
  version: 1;
  runs: StageRecord[];
}

const MAX_RUNS = 100;
const MAX_BYTES = 4 * 2 ** 20;

/** The records of a machine; none when nothing ran yet, or the file is damaged. */
export async function readStageRecords(machine: Machine): Promise<StageRecords> {
  try {
    const value: unknown = JSON.parse(await readFile(machine.locate(STAGE_RECORD_FILE), 'utf8'));
    if (isRecords(value)) return value;
  } catch {
    // A new start, or a file that somebody damaged: what ran before is lost, what runs now counts.
  }
  return { version: 1, runs: [] };
}

/**
 * Adds a run, or replaces it by what is known of it now (same stage and start). When there are too many the oldest go, but
 * the last run of every stage stays as long as it can: what happened at the start is asked for weeks later, when reconcile
 * ran a hundred times. The caller holds the lock.
 */
export async function writeStageRecord(machine: Machine, record: StageRecord): Promise<void> {
  const { runs } = await readStageRecords(machine);
  const others = runs.filter(({ stage, startedAt }) => stage !== record.stage || startedAt !== record.startedAt);
  let kept = [...others, record];
  while (kept.length > MAX_RUNS) kept = withoutOldest(kept);
  let text = format(kept);
  while (text.length > MAX_BYTES && kept.length > 1) {
    kept = withoutOldest(kept);
    text = format(kept);
  }
  const path = machine.locate(STAGE_RECORD_FILE);
  await mkdir(dirname(path), { recursive: true });
  await writeFileAtomic(path, text, 0o600);
}

function withoutOldest(runs: readonly StageRecord[]): StageRecord[] {
  const repeated = runs.findIndex(({ stage }, at) => runs.slice(at + 1).some((later) => later.stage === stage));
  return runs.toSpliced(Math.max(repeated, 0), 1);
}

function format(runs: StageRecord[]): string {
  const records: StageRecords = { version: 1, runs };
  return `${JSON.stringify(records)}\n`;
}

function isRecords(value: unknown): value is StageRecords {
  return typeof value === 'object' && value !== null && 'runs' in value && Array.isArray(value.runs);
}
