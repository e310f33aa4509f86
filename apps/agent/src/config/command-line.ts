import { readFile } from 'node:fs/promises';
import type { Machine } from '../machine/machine.ts';
import type { ReadDocument, ReadResult } from './read-document.ts';

/** What the kernel command line configures. */
export interface CommandLineConfig extends ReadResult {
  /** Files that it names. */
  files: string[];
}

const FILE = '/proc/cmdline';
const MAX_LENGTH = 64 * 1024;

/** Reads the kernel command line of the machine. A damaged one configures nothing. */
export async function readCommandLine(machine: Machine, read: ReadDocument): Promise<CommandLineConfig> {
  const text = await readFile(machine.locate(FILE), 'utf8').catch(() => '');
  const result = await read(FILE, text.slice(0, MAX_LENGTH).trim());
  const isUrl = (uri: string) => /^https?:\/\//i.test(uri);
  const others = result.configUrls.filter((uri) => !isUrl(uri));
  const files = others.map((uri) => uri.replace(/^file:\/\//, '')).filter((path) => path.startsWith('/'));
  return {
    ...result,
    configUrls: result.configUrls.filter(isUrl),
    files,
    problems: [
      ...result.problems,
      ...(others.length > files.length ? [`${FILE}: a configuration is a file or a web address`] : []),
    ],
  };
}
