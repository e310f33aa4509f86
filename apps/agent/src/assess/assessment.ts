import { readFile } from 'node:fs/promises';
import { writeFileAtomic } from '@bowline/host';
import type { Machine } from '../machine/machine.ts';

/** The last assessment since the machine started. */
export const ASSESSMENT_FILE = '/run/bowline/assessment.json';
const MAX_BYTES = 2 ** 20;

/** One check as it is remembered. */
export interface CheckNote {
  title: string;
  state: 'passed' | 'failed' | 'skipped';
  /** Empty when there is nothing to say. */
  reason: string;
}

/** What an assessment came to. */
export interface Assessment {
  assessmentVersion: 1;
  /** When it ended, ISO 8601. */
  at: string;
  durationMs: number;
  /** How often everything was looked at. */
  rounds: number;
  healthy: boolean;
  /** The version had yet to prove itself. */
  onTrial: boolean;
  /** `blessed`: it has proved itself now. `restart`: it has not, and the machine starts again. */
  result: 'blessed' | 'restart' | 'noted';
  checks: CheckNote[];
  /** What else happened: versions that were given up, hooks that ran. */
  notes: string[];
}

/** What failed, in one sentence; empty when nothing did. */
export function failuresOf(checks: readonly CheckNote[]): string {
  return checks
    .filter(({ state }) => state === 'failed')
    .map(({ title, reason }) => reason || `${title} failed`)
    .join('; ');
}

/** Keeps an assessment until the machine starts again. Best effort: a full disk must not undo what was decided. */
export async function keepAssessment(machine: Machine, assessment: Assessment): Promise<void> {
  const text = `${JSON.stringify(assessment, undefined, 2)}\n`;
  await writeFileAtomic(machine.locate(ASSESSMENT_FILE), text, 0o600).catch(() => undefined);
}

/** The last assessment since the machine started; undefined when there was none. Read by hand, because `status` starts in 60 ms. */
export async function readAssessment(machine: Machine): Promise<Assessment | undefined> {
  const text = await readFile(machine.locate(ASSESSMENT_FILE), 'utf8').catch(() => '');
  if (text.length > MAX_BYTES) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return isAssessment(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Only the agent writes the file; this is for one that was cut off, or of another version. */
function isAssessment(value: unknown): value is Assessment {
  if (typeof value !== 'object' || value === null) return false;
  const { assessmentVersion, checks, notes } = value as Record<string, unknown>;
  return assessmentVersion === 1 && Array.isArray(checks) && Array.isArray(notes);
}
