import {
  loadMachineDocument,
  mergeMachineValues,
  type NotAppliedKey,
  notAppliedKeys,
  type Problem,
} from '@bowline/spec';
import { mergedConfig } from '../config/merged-config.ts';
import { AgentError } from '../error.ts';
import { readInstallWish } from '../install/read-wish.ts';
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
  given: readonly ConfigurationText[],
  choice: InstallChoice,
): Promise<{ wish: InstallWish; reports: InstallReport[] }> {
  const documents = choice.configurations.map((configuration) => valuesOf(configuration));
  const live = { file: 'this machine', values: (await mergedConfig(machine)).values };
  const { values } = mergeMachineValues([live, ...documents]);
  const { wish, reports } = readInstallWish(values);
  return {
    wish: {
      ...wish,
      unattended: false,
      device: choice.disk,
      force: true,
      configurations: [...given, ...choice.configurations],
    },
    reports,
  };
}

function valuesOf({ origin, text }: ConfigurationText): { file: string; values: Record<string, unknown> } {
  const { document, problems } = loadMachineDocument({ path: origin, text });
  if (document !== undefined) return { file: origin, values: document.values };
  const [first] = problems;
  throw new AgentError({
    code: 'CONFIG_INVALID',
    message: `${origin} is no configuration${first === undefined ? '' : `: line ${first.line}: ${first.message}`}`,
    hint: 'A configuration begins with the line #cloud-config.',
  });
}
