import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { BlobStore } from '@bowline/host';
import { readAgentRecord } from './agent-record.ts';

/**
 * Removes the agents that were made from the store: unlike everything else in it, they can be made again. Bytes that became free.
 * The Node packages stay: they are inputs.
 */
export async function forgetAgents(cacheFolder: string, store: BlobStore): Promise<number> {
  const folder = join(cacheFolder, 'agent');
  let freedBytes = 0;
  for (const name of await readdir(folder).catch(() => [])) {
    const record = await readAgentRecord(join(folder, name));
    if (record === undefined || !(await store.has(record.diffId))) continue;
    await store.remove(record.diffId);
    freedBytes += record.size;
  }
  return freedBytes;
}
