import { stat } from 'node:fs/promises';
import { isAbsolute } from 'node:path';
import type { Step } from '@bowline/spec';
import type { AskOptions } from '../datasources/ask.ts';
import { AgentError } from '../error.ts';
import type { Machine } from '../machine/machine.ts';
import { definePlugin, type Outcome, type StepPlugin } from './plugin.ts';

type Config = NonNullable<Step['datasource']>;

const DEFAULT_FOLDER = '/oem/95_userdata';
const DEFAULT_NAME = 'userdata.yaml';

/** Makes the plugin; tests give it addresses and times of their own. */
export function makeDatasourcePlugin(options: AskOptions = {}): StepPlugin<'datasource'> {
  return definePlugin({
    key: 'datasource',
    actions: (config) => {
      const name = config.userdata_name ?? DEFAULT_NAME;
      const path = config.path ?? DEFAULT_FOLDER;
      if (!/^[A-Za-z0-9_.][A-Za-z0-9_.-]*$/.test(name) || name === '.' || name === '..')
        throw invalid('userdata_name is no file name');
      if (!isAbsolute(path)) throw invalid('path is not absolute');
      const summary = `get user data from ${config.providers.join(', ')} into ${path}/${name}`;
      return [{ summary, run: (machine) => getUserdata(machine, config, options) }];
    },
  });
}

/** Asks where the machine runs for user data, and keeps it as configuration. */
export const datasource = makeDatasourcePlugin();

async function getUserdata(machine: Machine, config: Config, options: AskOptions): Promise<Outcome> {
  const { askDatasources } = await import('../datasources/ask.ts');
  const answer = await askDatasources(machine, config.providers, config.path, options);
  // What was found before stays: a machine must not lose its configuration because a service is away.
  if (answer === undefined) return { changed: false, note: 'no source has user data for this machine' };
  const { applySeed } = await import('../datasources/apply-seed.ts');
  const isFile = config.path !== undefined && (await isRegularFile(machine.locate(config.path)));
  const folder = isFile ? DEFAULT_FOLDER : (config.path ?? DEFAULT_FOLDER);
  return applySeed(machine, { folder, name: config.userdata_name ?? DEFAULT_NAME }, answer);
}

async function isRegularFile(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isFile() ?? false;
}

function invalid(why: string): AgentError {
  return new AgentError({
    code: 'STEP_INVALID',
    message: `datasource: ${why}.`,
    hint: 'See the reference of the step.',
  });
}
