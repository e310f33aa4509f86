import type { HealthCheck } from '@bowline/spec';
import type { Machine } from '../machine/machine.ts';
import { oneLine } from '../step-error.ts';
import { checkBootComplete } from './checks/boot-complete.ts';
import { checkCommand } from './checks/command.ts';
import { checkDiskSpace } from './checks/disk-space.ts';
import { checkHttp } from './checks/http.ts';
import { checkNetwork } from './checks/network.ts';
import { checkNoFailedUnits } from './checks/no-failed-units.ts';
import { checkSsh } from './checks/ssh.ts';
import { checkTime } from './checks/time.ts';
import { checkUnit } from './checks/unit.ts';
import { type CheckKind, type CheckOf, type CheckResult, checkTitle, failed, type RunCheck } from './health-check.ts';

/** Every kind of check. */
const CHECKS: { readonly [K in CheckKind]: RunCheck<K> } = {
  'boot-complete': checkBootComplete,
  'no-failed-units': checkNoFailedUnits,
  network: checkNetwork,
  ssh: checkSsh,
  'disk-space': checkDiskSpace,
  time: checkTime,
  unit: checkUnit,
  http: checkHttp,
  command: checkCommand,
};

/** Longest time of a check that has no limit of its own. */
const DEFAULT_SECONDS: Partial<Record<CheckKind, number>> = { 'boot-complete': 310 };
const USUAL_SECONDS = 30;
/** What a stopped program gets to end, before its check counts as failed whatever it does. */
const GRACE_MS = 10_000;
const MAX_REASON = 300;

/** A check and what it found. */
export interface CheckReport extends CheckResult {
  kind: CheckKind;
  title: string;
}

/** Looks at everything at the same moment. Never throws, and ends: each check has a limit, also one that does not listen. */
export async function runChecks(
  checks: readonly HealthCheck[],
  machine: Machine,
  graceMs = GRACE_MS,
): Promise<CheckReport[]> {
  return await Promise.all(
    checks.map(async (check) => {
      const { state, reason } = await runCheck(check, machine, graceMs);
      return { kind: check.kind, title: checkTitle(check), state, reason: oneLine(reason, MAX_REASON) };
    }),
  );
}

async function runCheck<K extends CheckKind>(
  check: CheckOf<K> & HealthCheck,
  machine: Machine,
  graceMs: number,
): Promise<CheckResult> {
  const own = 'timeoutSeconds' in check ? check.timeoutSeconds : undefined;
  const seconds = own ?? DEFAULT_SECONDS[check.kind] ?? USUAL_SECONDS;
  const tooLong = failed(`${checkTitle(check)} did not answer within ${seconds} s`);
  const limit = AbortSignal.timeout(seconds * 1000);
  const limited = machine.withSignal(AbortSignal.any([machine.signal, limit]));
  // The compiler cannot know that the key and the check belong together.
  const run = CHECKS[check.kind] as RunCheck<K>;
  const found = run(check, limited).catch((error: unknown) => {
    if (limit.aborted) return tooLong;
    return failed(error instanceof Error ? error.message : 'it could not be looked at');
  });
  let timer: NodeJS.Timeout | undefined;
  const end = new Promise<CheckResult>((resolve) => {
    timer = setTimeout(() => resolve(tooLong), seconds * 1000 + graceMs);
  });
  return await Promise.race([found, end]).finally(() => clearTimeout(timer));
}
