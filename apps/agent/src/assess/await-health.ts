import { setTimeout as delay } from 'node:timers/promises';
import type { HealthCheck } from '@bowline/spec';
import type { Machine } from '../machine/machine.ts';
import { type CheckReport, runChecks } from './run-checks.ts';

/** Between two looks; then the last one again and again. */
const PAUSES_MS = [1000, 2000, 4000, 8000, 15_000];

/** What came of looking until all was well. */
export interface HealthFound {
  healthy: boolean;
  /** The last look. */
  checks: CheckReport[];
  /** How often everything was looked at. */
  rounds: number;
}

/** How long to look, and how often. */
export interface HealthWindow {
  /** No second look begins after so long; 0: look once. */
  withinMs: number;
  pausesMs?: readonly number[];
}

/**
 * Looks at everything until all checks hold at the same moment, or the time is up. There is always one look, which may end
 * after the window: a check that is under way is waited for, within its own limit.
 */
export async function awaitHealth(
  checks: readonly HealthCheck[],
  machine: Machine,
  { withinMs, pausesMs = PAUSES_MS }: HealthWindow,
): Promise<HealthFound> {
  const started = performance.now();
  for (let rounds = 1; ; rounds += 1) {
    const reports = await runChecks(checks, machine);
    const healthy = reports.every(({ state }) => state !== 'failed');
    const pause = pausesMs[Math.min(rounds, pausesMs.length) - 1] ?? 0;
    const left = withinMs - (performance.now() - started);
    if (healthy || left <= 0 || machine.signal.aborted) return { healthy, checks: reports, rounds };
    await delay(Math.min(pause, left), undefined, { signal: machine.signal }).catch(() => undefined);
  }
}
