import type { PluginKey, Step } from '@bowline/spec';
import type { Machine } from '../machine/machine.ts';

/** What an action did. */
export interface Outcome {
  /** False: everything was as wanted already. Commands that run always say true. */
  changed: boolean;
  /** For the record: a sentence without secrets. */
  note?: string;
}

/**
 * One thing a step does. Making actions reads nothing and changes nothing: it follows from the configuration alone, so
 * a dry run prints the actions of a step and the real run executes the same ones, in the same order.
 */
export interface Action {
  /** What will happen, for people: `write /etc/motd (0644, 9 bytes)`. No secrets, no contents. One line. */
  summary: string;
  /** Does it, or finds it done. Throws a BowlineError whose message has no secrets; the other actions run all the same. */
  run(machine: Machine): Promise<Outcome>;
}

/** One key of a step. Wrong values throw AgentError STEP_INVALID from `actions`. */
export interface StepPlugin<K extends PluginKey = PluginKey> {
  readonly key: K;
  actions(config: NonNullable<Step[K]>, step: Step): readonly Action[];
}

/** Types a plugin by its key. */
export function definePlugin<K extends PluginKey>(plugin: StepPlugin<K>): StepPlugin<K> {
  return plugin;
}
