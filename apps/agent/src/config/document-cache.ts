import { createHash } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomic } from '@bowline/host';
import type { Machine } from '../machine/machine.ts';
import { AGENT_VERSION } from '../version.ts';
import type { ReadDocument, ReadResult } from './read-document.ts';

/** Gone with the next start of the machine. */
const FOLDER = '/run/bowline/documents';

/**
 * Remembers what texts said, so that the stages after the first one load neither a YAML parser nor the schema. Only
 * root can write there; what is not there, or damaged, is read from the text again.
 */
export function cachedDocuments(machine: Machine, read: ReadDocument, keep: boolean): ReadDocument {
  return async (file, text) => {
    const folder = machine.locate(FOLDER);
    const key = createHash('sha256')
      .update(JSON.stringify([AGENT_VERSION, file, text]))
      .digest('hex');
    const path = join(folder, `${key}.json`);
    try {
      const cached: unknown = JSON.parse(await readFile(path, 'utf8'));
      if (isReadResult(cached)) return cached;
      throw new TypeError('another form');
    } catch {
      const result = await read(file, text);
      if (!keep) return result;
      // Without a place to remember everything works, only slower.
      await mkdir(folder, { recursive: true, mode: 0o700 })
        .then(() => writeFileAtomic(path, JSON.stringify(result), 0o600))
        .catch(() => undefined);
      return result;
    }
  };
}

/** Files of another form come from an agent that is not this one; what is inside `document` is the schema's. */
function isReadResult(value: unknown): value is ReadResult {
  if (typeof value !== 'object' || value === null) return false;
  const { problems, notApplied, configUrls } = value as Record<string, unknown>;
  return [problems, notApplied, configUrls].every(Array.isArray);
}
