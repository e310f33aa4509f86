import type { BootFacts } from '../machine/boot-facts.ts';

/** What is known when the checks have been looked at. */
export interface Situation {
  mode: BootFacts['mode'];
  /** The version has yet to prove itself. */
  onTrial: boolean;
  healthy: boolean;
  /** The machine asks, not somebody at its keyboard: then a version that is not healthy gives way. */
  deciding: boolean;
}

/**
 * What follows. A version that has proved itself once is never taken back for a check: something outside may be the reason,
 * and the version before would fail as well. Only what runs from its slot can be on trial.
 */
export function decide({ mode, onTrial, healthy, deciding }: Situation): 'bless' | 'restart' | 'note' {
  if (mode !== 'disk' || !onTrial) return 'note';
  if (healthy) return 'bless';
  return deciding ? 'restart' : 'note';
}
