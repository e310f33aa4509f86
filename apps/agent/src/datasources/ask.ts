import { listVolumes } from '../disk/labelled-volumes.ts';
import type { Machine } from '../machine/machine.ts';
import { DATASOURCES_BY_NAME } from './all.ts';
import type { Datasource, DatasourceContext, DatasourceName, SeedData } from './datasource.ts';
import { readDmi } from './dmi.ts';
import { ENDPOINTS, type Endpoints } from './endpoints.ts';
import { sourceFailed } from './failure.ts';

/** How sources are asked; the defaults are for a machine. */
export interface AskOptions {
  endpoints?: Partial<Endpoints>;
  /** Milliseconds for all sources together; 30 s unless given. */
  timeoutMs?: number;
  retryPauseMs?: number;
}

/** Who answered, and what. */
export interface Answer {
  source: DatasourceName;
  data: SeedData;
}

const TIMEOUT_MS = 30_000;
const RETRY_PAUSE_MS = 1000;

/**
 * Asks all sources at once and takes the first of the list that has something, not the first that is quick. A cloud is
 * asked only where DMI names it, or when it is the only source of the list. Undefined: none has anything.
 *
 * @throws AgentError DATASOURCE_FAILED when none has anything and at least one could not be asked.
 */
export async function askDatasources(
  machine: Machine,
  names: readonly DatasourceName[],
  path: string | undefined,
  options: AskOptions = {},
): Promise<Answer | undefined> {
  const stop = new AbortController();
  const limit = AbortSignal.timeout(options.timeoutMs ?? TIMEOUT_MS);
  const signal = AbortSignal.any([machine.signal, stop.signal, limit]);
  const context = makeContext(machine, signal, path, options);
  const asked = (await chooseSources(machine, names)).map((source) => ({
    source,
    answer: fetchSafely(source, context),
  }));
  const failures: string[] = [];
  try {
    for (const { source, answer } of asked) {
      const { data, error } = await answer;
      machine.signal.throwIfAborted();
      if (data !== undefined) return { source: source.name, data };
      if (error !== undefined)
        failures.push(`${source.name}: ${limit.aborted ? 'no answer in time' : reasonOf(error)}`);
    }
  } finally {
    stop.abort();
    await Promise.all(asked.map(({ answer }) => answer));
  }
  if (failures.length === 0) return undefined;
  const hint = 'Name only the sources of the place where the machine runs.';
  throw sourceFailed(`No source gave user data. ${failures.join(' ')}`, hint);
}

async function chooseSources(machine: Machine, names: readonly DatasourceName[]): Promise<Datasource[]> {
  const sources = [...new Set(names)].map((name) => DATASOURCES_BY_NAME[name]);
  if (sources.length === 1) return sources;
  const dmi = await readDmi(machine);
  return sources.filter((source) => source.isHere?.(dmi) ?? true);
}

function makeContext(
  machine: Machine,
  signal: AbortSignal,
  path: string | undefined,
  options: AskOptions,
): DatasourceContext {
  let volumes: ReturnType<typeof listVolumes> | undefined;
  return {
    machine,
    signal,
    path,
    endpoints: { ...ENDPOINTS, ...options.endpoints },
    retryPauseMs: options.retryPauseMs ?? RETRY_PAUSE_MS,
    volumes: () => (volumes ??= listVolumes(machine, signal)),
  };
}

type Attempt = { data?: SeedData | undefined; error?: unknown };

/** Never rejects, so that a source that loses does not end the process with its failure. */
async function fetchSafely(source: Datasource, context: DatasourceContext): Promise<Attempt> {
  try {
    return { data: await source.fetch(context) };
  } catch (error) {
    return { error: error ?? new Error('failed') };
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : 'it failed.';
}
