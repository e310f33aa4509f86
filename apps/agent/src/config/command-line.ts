import { readFile } from 'node:fs/promises';
import type { MachineDocument } from '@bowline/spec';
import type { Machine } from '../machine/machine.ts';

/** What the kernel command line configures. */
export interface CommandLineConfig {
  document: MachineDocument | undefined;
  /** Files that `cos.setup=` names. */
  files: string[];
  /** Addresses that `cos.setup=` names. */
  urls: string[];
  warnings: string[];
}

const MAX_LENGTH = 16 * 1024;

/** Reads the kernel command line of the machine. */
export async function readCommandLine(machine: Machine): Promise<CommandLineConfig> {
  const text = await readFile(machine.locate('/proc/cmdline'), 'utf8').catch(() => '');
  const config: CommandLineConfig = { document: undefined, files: [], urls: [], warnings: [] };
  for (const word of text.slice(0, MAX_LENGTH).split(/\s+/)) {
    const uri = /^cos\.setup=(.+)$/.exec(word)?.[1]?.replaceAll(/^"|"$/g, '');
    if (uri === undefined) continue;
    if (/^https?:\/\//.test(uri)) config.urls.push(uri);
    else if (uri.startsWith('/')) config.files.push(uri);
    else config.warnings.push('kernel command line: cos.setup= names neither a file nor a web address');
  }
  return config;
}
