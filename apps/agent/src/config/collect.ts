import type { MachineDocument } from '@bowline/spec';
import type { Machine } from '../machine/machine.ts';
import type { ConfigTrouble } from '../stages/stage-record.ts';
import { readCommandLine } from './command-line.ts';
import { listConfigFiles } from './config-files.ts';
import { readConfigText } from './config-text.ts';
import { cachedDocuments } from './document-cache.ts';
import { LastGoodCopies } from './last-good.ts';
import { readArguments, readDocument } from './read-document.ts';
import { type RemoteLimits, useRemoteConfigs } from './remote-config.ts';
import { type UsedConfig, useConfig } from './use-config.ts';

/** What is collected. */
export interface CollectOptions {
  /** Folders of the machine, in their order. */
  folders: readonly string[];
  /** True when remote configurations are asked for; otherwise their last good copies are used. */
  fetch: boolean;
  /** False: nothing is written, such as in a dry run. */
  keep: boolean;
  limits?: RemoteLimits;
}

/** The configuration of a machine. */
export interface Collected {
  /** In the order in which they count: files, what the command line or `config_url` points at, the command line. */
  documents: MachineDocument[];
  warnings: string[];
  /** What could not be used. */
  troubles: ConfigTrouble[];
  /** Keys that nothing applies yet, each with the reason. */
  notApplied: string[];
}

/** Collects every configuration of the machine. A bad one never stops the others. */
export async function collectConfig(machine: Machine, options: CollectOptions): Promise<Collected> {
  const copies = new LastGoodCopies(machine);
  const context = { read: cachedDocuments(machine, readDocument, options.keep), copies, keep: options.keep };
  const collected: Collected = { documents: [], warnings: [], troubles: [], notApplied: [] };
  let fileUrl: string | undefined;
  const add = (used: UsedConfig) => {
    if (used.document !== undefined) collected.documents.push(used.document);
    collected.warnings.push(...used.warnings);
    collected.notApplied.push(...used.notApplied);
    fileUrl = used.configUrls.at(-1) ?? fileUrl;
    if (used.trouble !== undefined) collected.troubles.push(used.trouble);
  };
  const addFolders = async (folders: readonly string[]): Promise<void> => {
    const { paths, unreadable } = await listConfigFiles(machine, folders);
    for (const { path, reason } of unreadable) add(await useConfig({ key: path, name: path }, { reason }, context));
    for (const path of paths) {
      const found = await readConfigText(machine.locate(path)).catch(() => undefined);
      if (found !== undefined) add(await useConfig({ key: path, name: path }, found, context));
    }
    if (options.keep) await forgetRemoved(copies, folders, [...paths, ...unreadable.map(({ path }) => path)]);
  };
  await addFolders(options.folders);
  const more = collected.documents.flatMap(({ values }) => extraFolders(values));
  if (more.length > 0) await addFolders(more.filter((folder) => !options.folders.includes(folder)));

  const commandLine = await readCommandLine(machine, cachedDocuments(machine, readArguments, options.keep));
  // The command line comes before the files: who stands at the console decides.
  const urls = commandLine.configUrls.length > 0 ? commandLine.configUrls : fileUrl === undefined ? [] : [fileUrl];
  const remote = { ...context, fetch: options.fetch, ...(options.limits ? { limits: options.limits } : {}) };
  for (const url of urls) for (const used of await useRemoteConfigs(url, machine, remote)) add(used);
  for (const path of commandLine.files) {
    const found = await readConfigText(machine.locate(path)).catch(() => ({ reason: 'does not exist' }));
    add(await useConfig({ key: path, name: path }, found, context));
  }
  add({ ...commandLine, warnings: commandLine.problems });
  collected.notApplied = [...new Set(collected.notApplied)];
  return collected;
}

function extraFolders(values: Record<string, unknown>): string[] {
  const folders = values['cloud-init-paths'];
  if (!Array.isArray(folders)) return [];
  return folders.filter((folder): folder is string => typeof folder === 'string' && folder.startsWith('/'));
}

/**
 * A file that its owner removed must not come back some day. A folder without any file may only be not mounted, so
 * nothing of it is forgotten.
 */
async function forgetRemoved(
  copies: LastGoodCopies,
  folders: readonly string[],
  present: readonly string[],
): Promise<void> {
  for (const { source } of await copies.list()) {
    const folder = folders.find((candidate) => source.startsWith(`${candidate}/`));
    if (folder === undefined || present.includes(source)) continue;
    if (present.some((path) => path.startsWith(`${folder}/`))) await copies.forget(source).catch(() => undefined);
  }
}
