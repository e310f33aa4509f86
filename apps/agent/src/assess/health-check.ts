import type { HealthCheck } from '@bowline/spec';
import { programTitle } from '../machine/image-program.ts';
import type { Machine } from '../machine/machine.ts';

export type CheckKind = HealthCheck['kind'];
export type CheckOf<K extends CheckKind> = Extract<HealthCheck, { kind: K }>;

/** What a check found. */
export interface CheckResult {
  /** `skipped`: this base cannot tell, and nobody asked for it by name. It stands in no version's way. */
  state: 'passed' | 'failed' | 'skipped';
  /** In a sentence without a full stop; empty when there is nothing to say. */
  reason: string;
}

/** Looks whether one thing holds now. What it throws is a failure with that message; it may be asked again and again. */
export type RunCheck<K extends CheckKind> = (check: CheckOf<K>, machine: Machine) => Promise<CheckResult>;

export const PASSED: CheckResult = { state: 'passed', reason: '' };

export function failed(reason: string): CheckResult {
  return { state: 'failed', reason };
}

export function skipped(reason: string): CheckResult {
  return { state: 'skipped', reason };
}

/** What people call a check. */
export function checkTitle(check: HealthCheck): string {
  switch (check.kind) {
    case 'ssh':
      return `ssh on port ${check.port}`;
    case 'disk-space':
      return `room on ${check.path}`;
    case 'unit':
      return `unit ${check.unit}`;
    case 'http':
      return check.url;
    case 'command':
      return programTitle(check);
    default:
      return check.kind;
  }
}
