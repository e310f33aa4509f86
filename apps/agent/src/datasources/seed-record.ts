import { join } from 'node:path';
import { AGENT_STATE_FOLDER } from '@bowline/os-layout';
import type { Machine } from '../machine/machine.ts';
import { writeSystemFile } from '../system-file/write-system-file.ts';
import { readSmallFile } from './small-file.ts';

/** What was done with the user data of a machine, kept over restarts. */
export interface SeedRecord {
  source: string;
  /** Instance that the scripts ran for; the digest of the user data where the source names no instance. */
  instance: string;
  /** Files that were written, to be removed when they are no longer wanted. */
  files: readonly string[];
  /** True when the scripts of this instance ran, whatever became of them. */
  scriptsRan: boolean;
}

const FILE = join(AGENT_STATE_FOLDER, 'datasource.json');

/** The record, or undefined when there is none that can be read: scripts then run again, files are written again. */
export async function readSeedRecord(machine: Machine): Promise<SeedRecord | undefined> {
  const bytes = await readSmallFile(machine, FILE).catch(() => undefined);
  if (bytes === undefined) return undefined;
  try {
    const value = JSON.parse(Buffer.from(bytes).toString('utf8')) as Partial<SeedRecord> | null;
    const { source, instance, files, scriptsRan } = value ?? {};
    if (typeof source !== 'string' || typeof instance !== 'string' || !Array.isArray(files)) return undefined;
    const paths = files.filter((path): path is string => typeof path === 'string' && path.startsWith('/'));
    return { source, instance, files: paths, scriptsRan: scriptsRan === true };
  } catch {
    return undefined;
  }
}

/** Replaces the record; readable by root only. */
export async function writeSeedRecord(machine: Machine, record: SeedRecord): Promise<void> {
  await writeSystemFile(machine, FILE, `${JSON.stringify(record, undefined, 2)}\n`, { mode: 0o600, owner: self() });
}

/** Whoever the agent runs as: root on a machine. */
export function self(): { uid: number; gid: number } {
  return { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 };
}
