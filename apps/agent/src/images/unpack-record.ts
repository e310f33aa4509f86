import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { AGENT_STATE_FOLDER } from '@bowline/os-layout';
import { self } from '../datasources/seed-record.ts';
import { readSmallFile } from '../datasources/small-file.ts';
import type { Machine } from '../machine/machine.ts';
import { writeSystemFile } from '../system-file/write-system-file.ts';

/** Which image was unpacked to a folder, kept over restarts. */
export interface UnpackRecord {
  source: string;
  platform: string;
  digest: string;
}

/** The record of a target; undefined when nothing was unpacked there, or the record cannot be read. */
export async function readUnpackRecord(machine: Machine, target: string): Promise<UnpackRecord | undefined> {
  const bytes = await readSmallFile(machine, fileOf(target)).catch(() => undefined);
  if (bytes === undefined) return undefined;
  try {
    const value = JSON.parse(Buffer.from(bytes).toString('utf8')) as Partial<UnpackRecord> | null;
    const { source, platform, digest } = value ?? {};
    if (typeof source !== 'string' || typeof platform !== 'string' || typeof digest !== 'string') return undefined;
    return { source, platform, digest };
  } catch {
    return undefined;
  }
}

/** Replaces the record of a target. */
export async function writeUnpackRecord(machine: Machine, target: string, record: UnpackRecord): Promise<void> {
  const text = `${JSON.stringify({ target, ...record }, undefined, 2)}\n`;
  await writeSystemFile(machine, fileOf(target), text, { mode: 0o600, owner: self() });
}

function fileOf(target: string): string {
  const name = createHash('sha256').update(target).digest('hex').slice(0, 32);
  return join(AGENT_STATE_FOLDER, 'unpacked', `${name}.json`);
}
