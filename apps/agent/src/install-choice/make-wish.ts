import { loadMachineDocument, type NotAppliedKey, notAppliedKeys, type Problem } from '@bowline/spec';
import { wishOf } from '../install/request.ts';
import type { ConfigurationText, InstallReport, InstallWish } from '../install/wish.ts';
import type { Machine } from '../machine/machine.ts';

/** What a person chose. */
export interface InstallChoice {
  /** Path of the disk. */
  disk: string;
  /** Configurations that the person gave, in their order; those that the live machine has come before them. */
  configurations: readonly ConfigurationText[];
}

/** What the checker says of a configuration. */
export interface ConfigVerdict {
  /** False: the text is no configuration at all. */
  usable: boolean;
  problems: readonly Problem[];
  notApplied: readonly NotAppliedKey[];
}

/** Checks a configuration; the messages are those of `validate` and hold no secrets. */
export function checkConfiguration({ origin, text }: ConfigurationText): ConfigVerdict {
  const { document, problems } = loadMachineDocument({ path: origin, text });
  const notApplied = document === undefined ? [] : notAppliedKeys(document.values);
  return { usable: document !== undefined, problems, notApplied };
}

/**
 * The wish of a person: what the configurations say about installing, on the disk that was chosen. Whatever is on it is to
 * be erased: the person sees it in the plan, and confirms. Throws AgentError CONFIG_INVALID for a text that is no configuration.
 */
export async function makeWish(
  machine: Machine,
  { disk, configurations }: InstallChoice,
): Promise<{ wish: InstallWish; reports: InstallReport[] }> {
  const request = { device: disk, source: undefined, force: true, after: undefined, configurations };
  const { wish, reports } = await wishOf(machine, request);
  return { wish: { ...wish, unattended: false }, reports };
}
