import { loadMachineDocument, mergeMachineValues } from '@bowline/spec';
import { mergedConfig } from '../config/merged-config.ts';
import { AgentError } from '../error.ts';
import type { Machine } from '../machine/machine.ts';
import { collectConfigurations } from './configurations.ts';
import { readInstallWish } from './read-wish.ts';
import type { AfterInstall, ConfigurationText, InstallReport, InstallWish } from './wish.ts';

/** What a command line asks for; it comes before the configuration. */
export interface InstallRequest {
  device: string | undefined;
  source: string | undefined;
  force: boolean;
  after: AfterInstall | undefined;
  /** Texts that the command line names. */
  configurations: readonly ConfigurationText[];
}

/**
 * The wish of a machine: what its configuration and that of the request say, changed by the request.
 *
 * @throws AgentError CONFIG_INVALID for a text that is no configuration.
 */
export async function wishOf(
  machine: Machine,
  request: InstallRequest,
): Promise<{ wish: InstallWish; reports: InstallReport[]; warnings: string[] }> {
  const live = await mergedConfig(machine);
  const documents = request.configurations.map(({ origin, text }) => {
    const { document, problems } = loadMachineDocument({ path: origin, text });
    if (document !== undefined) return { file: origin, values: document.values };
    const [first] = problems;
    throw new AgentError({
      code: 'CONFIG_INVALID',
      message: `${origin} is no configuration${first === undefined ? '' : `: line ${first.line}: ${first.message}`}.`,
      hint: 'A configuration begins with the line #cloud-config; bowline-agent validate says more.',
    });
  });
  const { values } = mergeMachineValues([{ file: 'this machine', values: live.values }, ...documents]);
  const { wish, reports } = readInstallWish(values);
  const given = await collectConfigurations(machine);
  return {
    wish: {
      ...wish,
      device: request.device ?? wish.device,
      source: request.source ?? wish.source,
      force: request.force || wish.force,
      after: request.after ?? wish.after,
      configurations: [...given, ...request.configurations],
    },
    reports,
    warnings: live.warnings,
  };
}
