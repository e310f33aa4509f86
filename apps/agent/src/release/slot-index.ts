import { mkdir, readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type ChunkIndex, encodeChunkIndex, MAX_CHUNK_INDEX_BYTES, parseChunkIndex } from '@bowline/formats';
import { writeFileAtomic } from '@bowline/host';
import { AGENT_STATE_FOLDER } from '@bowline/os-layout';
import type { Machine } from '../machine/machine.ts';

/** Where the agent keeps what it knows of the contents of slots. It may be lost: then roots are cut and written anew. */
export const SLOTS_FOLDER = `${AGENT_STATE_FOLDER}/slots`;

/** Three slots, each with what it holds and with what is being written to it. */
const MAX_INDEXES = 6;

/** Which chunks: those of a root, cut with an average. */
export interface IndexName {
  rootHash: string;
  averageBytes: number;
}

/** The saved index of a root; undefined when there is none or it is damaged. */
export async function loadSlotIndex(machine: Machine, name: IndexName): Promise<ChunkIndex | undefined> {
  const path = machine.locate(indexPath(name));
  try {
    if ((await stat(path)).size > MAX_CHUNK_INDEX_BYTES) return undefined;
    return parseChunkIndex(await readFile(path));
  } catch {
    return undefined;
  }
}

/** Saves the index of a root, and forgets the oldest ones. Throws HostError DISK_FULL. */
export async function saveSlotIndex(machine: Machine, name: IndexName, index: ChunkIndex): Promise<void> {
  const folder = machine.locate(SLOTS_FOLDER);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await writeFileAtomic(machine.locate(indexPath(name)), encodeChunkIndex(index), 0o600);
  await forgetOldest(folder);
}

async function forgetOldest(folder: string): Promise<void> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.idx'));
  if (names.length <= MAX_INDEXES) return;
  const aged = await Promise.all(names.map(async (name) => ({ name, ms: (await stat(join(folder, name))).mtimeMs })));
  const oldest = aged.toSorted((a, b) => b.ms - a.ms).slice(MAX_INDEXES);
  for (const { name } of oldest) await rm(join(folder, name), { force: true });
}

function indexPath({ rootHash, averageBytes }: IndexName): string {
  if (!/^[0-9a-f]{64}$/.test(rootHash)) throw new TypeError('a root hash has 64 hex digits');
  return `${SLOTS_FOLDER}/${rootHash}-${averageBytes}.idx`;
}
