import type { ProgramCheck } from '../bowl/checks.ts';
import type { Bowl } from '../bowl/schema.ts';
import { parseDuration } from '../duration.ts';
import { parseSize } from '../size.ts';
import type { HealthCheck, LifecycleDocument, LifecycleHook } from './schema.ts';

/** How long after the window of the checks a machine on trial is reset by the initrd's own clock: the way to their start and back. */
const TRIAL_GRACE_SECONDS = 300;

/** What a bowl says of health and upgrades, as its image carries it. The cheap checks come first, programs last. */
export function lifecycleOfBowl({ checks, upgrade }: Pick<Bowl, 'checks' | 'upgrade'>): LifecycleDocument {
  const list: HealthCheck[] = [];
  if (checks.bootComplete) list.push({ kind: 'boot-complete' });
  if (checks.noFailedUnits !== false) {
    const except = checks.noFailedUnits === true ? [] : checks.noFailedUnits.except;
    list.push({ kind: 'no-failed-units', except });
  }
  if (checks.network) list.push({ kind: 'network' });
  if (checks.ssh !== false) list.push({ kind: 'ssh', port: checks.ssh === true ? 22 : checks.ssh.port });
  for (const { path, free } of checks.diskSpace) list.push({ kind: 'disk-space', path, freeBytes: parseSize(free) });
  if (checks.time) list.push({ kind: 'time' });
  for (const unit of checks.units) list.push({ kind: 'unit', unit });
  for (const { url, status, timeout } of checks.http) {
    list.push({ kind: 'http', url, status, timeoutSeconds: parseDuration(timeout) });
  }
  for (const program of checks.command) list.push({ kind: 'command', ...programOf(program) });
  const { allowDowngrade, source, hooks } = upgrade;
  return {
    lifecycleVersion: 1,
    withinSeconds: parseDuration(checks.within),
    checks: list,
    allowDowngrade,
    ...(source === undefined ? {} : { source }),
    hooks: {
      beforeUpgrade: hooks.beforeUpgrade.map(programOf),
      afterRollback: hooks.afterRollback.map(programOf),
    },
  };
}

/** Seconds after which the initrd resets a machine on trial that nobody called healthy: the window and a grace. */
export function trialSeconds(document: Pick<LifecycleDocument, 'withinSeconds'>): number {
  return document.withinSeconds + TRIAL_GRACE_SECONDS;
}

function programOf({ argv, run, timeout }: ProgramCheck): LifecycleHook {
  const words = run === undefined ? (argv ?? []) : ['/bin/sh', '-c', run];
  return { argv: words, timeoutSeconds: parseDuration(timeout) };
}
