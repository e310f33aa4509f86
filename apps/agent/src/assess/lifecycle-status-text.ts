import { slotTitle } from '../slots/slots.ts';
import { failuresOf } from './assessment.ts';
import type { LifecycleStatus, VersionStatus } from './lifecycle-status.ts';

/** The first line: the state of the machine in a sentence. Empty on a machine that is none of ours. */
export function lifecycleHeadline({ verdict, assessment }: LifecycleStatus): string {
  const failures = failuresOf(assessment?.checks ?? []);
  switch (verdict) {
    case 'healthy':
      return 'healthy: all that is checked is well';
    case 'degraded':
      return `degraded: ${failures || 'the configuration is not applied in full'}`;
    case 'trial':
      return `on trial: this version has yet to prove itself${failures && `; the last look found: ${failures}`}`;
    case 'recovery':
      return 'recovery: the recovery system runs, not one of the versions';
    case 'live':
      return 'live: this system runs from a medium or the network';
    case 'assessing':
      return 'not assessed yet: whether this version is healthy is looked at after the start';
    case 'unknown':
      return '';
  }
}

/** Titled lines for `status`: checks and versions. */
export function lifecycleSections(status: LifecycleStatus): [title: string, lines: string[]][] {
  const { assessment, versions, pendingUpgrade: pending } = status;
  const checks = assessment?.checks ?? [];
  return [
    [
      `checks${assessment === undefined ? '' : `, at ${assessment.at.slice(0, 19)}Z`}`,
      checks.map(({ title, state, reason }) => `${state.padEnd(7)}  ${title}${reason && `: ${reason}`}`),
    ],
    ['versions', versions.map(versionLine)],
    [
      'upgrade that has not ended',
      pending === undefined ? [] : [`${pending.name} ${pending.version}, begun at ${pending.startedAt.slice(0, 19)}Z`],
    ],
    ['since the start', assessment?.notes ?? []],
  ];
}

const STATES = { trial: 'not tried in full yet', blessed: 'good', bad: 'bad' } as const;

function versionLine({ generation, name, version, slot, verdict, reason, now }: VersionStatus): string {
  const state = verdict === 'trial' && now === 'next' ? 'starts next' : STATES[verdict];
  const runs = now === 'running' ? ', runs' : '';
  return `${generation}  ${name} ${version}  ${slotTitle(slot)}  ${state}${runs}${reason === undefined ? '' : `: ${reason}`}`;
}
