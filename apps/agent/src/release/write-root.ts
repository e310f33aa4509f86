import { type ChunkIndex, planVerityTree } from '@bowline/formats';
import { formatBytes } from '@bowline/spec';
import { AgentError } from '../error.ts';
import type { Region } from '../slots/slots.ts';
import { type ChunkSources, findChunkSources } from './chunk-sources.ts';
import { chunksInPlace } from './chunks-in-place.ts';
import type { Release, RootBase, RootTarget, WriteRootOptions, WrittenRoot } from './contract.ts';
import { findWrongChunks } from './find-wrong-chunks.ts';
import { RootFile } from './root-file.ts';
import { SlotJournal } from './slot-journal.ts';
import { invalidateTree } from './verity-disk.ts';
import { WriteWork } from './write-work.ts';

const BLOCK = 4096;
const MAX_REPAIRS = 2;

/**
 * Writes the root of a release and its verity tree, durable, and computes the root hash from what the disk gives back. Called
 * again after an interruption it continues. Nothing in the target may be used unless this returns.
 *
 * Chunks that were taken from other slots are not hashed one by one. When the root hash comes out wrong all are, and the
 * wrong ones are written again; not for ever, for a disk that forgets what it was told does not get better.
 *
 * @throws AgentError SLOT_TOO_SMALL | NO_SPACE | WRITE_FAILED | ROOT_HASH_MISMATCH | SOURCE_UNAVAILABLE | RELEASE_DAMAGED; OciError.
 */
export async function writeRoot(release: Release, target: RootTarget, options: WriteRootOptions): Promise<WrittenRoot> {
  const { document, machine } = release;
  const { verity, chunkAverageBytes: averageBytes } = document;
  const index = await release.index();
  requireSpace(index, target, release);
  const name = { rootHash: verity.rootHash, averageBytes };
  const opened =
    options.journal === undefined ? undefined : await SlotJournal.open(machine, options.journal, name, index);
  const kept = opened?.kept ?? keptInTarget(index, target, options.bases);
  // What is in the target is about to change: it is no place to copy from.
  const bases = options.bases.filter(({ region }) => !isSame(region, target.data));
  const sources = findChunkSources(index, bases, (chunk) => kept.has(chunk));
  const root = await RootFile.open(target.data, index, { journal: opened?.journal, stepBytes: options.stepBytes });
  try {
    for (const chunk of sources.kept) root.mark(chunk, true);
    await opened?.journal.start((chunk) => root.isDone(chunk));
    await invalidateTree(target.hash);
    const work = new WriteWork(release, root, options);
    await work.write(sources, 'write');
    let found = await work.verify(target, verity);
    for (let round = 1; found.rootHash !== verity.rootHash; round += 1) {
      const wrong = new Set(await findWrongChunks(target.data, index, machine.signal));
      if (wrong.size === 0 && found.isTreeRight) throw mismatch(release, 'its chunks do not make that root');
      if (round > MAX_REPAIRS) throw mismatch(release, 'the disk does not give back what was written');
      for (const chunk of wrong) root.mark(chunk, false);
      // What was copied and is wrong is wrong where it came from; what was thought to be there already may be copied.
      const usable = round === 1 && !areCopied(sources, wrong) ? bases : [];
      await work.write(
        findChunkSources(index, usable, (chunk) => !wrong.has(chunk)),
        'repair',
      );
      found = await work.verify(target, verity);
    }
    return { rootHash: found.rootHash, readFromDisk: found.isDirect, ...work.totals };
  } finally {
    await root.close();
  }
}

function areCopied({ copies }: ChunkSources, wrong: ReadonlySet<number>): boolean {
  return copies.some(({ firstChunk, chunks }) => {
    for (let chunk = firstChunk; chunk < firstChunk + chunks; chunk++) if (wrong.has(chunk)) return true;
    return false;
  });
}

function requireSpace(index: ChunkIndex, { data, hash }: RootTarget, { document, origin }: Release): void {
  const dataBytes = document.verity.dataBlocks * BLOCK;
  const { hashBytes } = planVerityTree(document.verity.dataBlocks);
  const [needed, there] = dataBytes > data.sizeBytes ? [dataBytes, data.sizeBytes] : [hashBytes, hash.sizeBytes];
  if (needed <= there) return;
  throw new AgentError({
    code: 'SLOT_TOO_SMALL',
    message: `The root of ${origin} needs ${formatBytes(needed)} (${index.count} chunks), the slot has ${formatBytes(there)}.`,
    hint: 'Make the image smaller, or install the machine again with larger slots.',
  });
}

/** Chunks of an older version that lies in the target and has them at the same place. */
function keptInTarget(index: ChunkIndex, target: RootTarget, bases: readonly RootBase[]): Set<number> {
  const old = bases.find(({ region }) => isSame(region, target.data));
  return old === undefined ? new Set() : chunksInPlace(index, old.index);
}

function isSame(one: Region, other: Region): boolean {
  return one.path === other.path && one.offsetBytes === other.offsetBytes;
}

function mismatch({ origin, document }: Release, why: string): AgentError {
  return new AgentError({
    code: 'ROOT_HASH_MISMATCH',
    message: `The root of ${origin} on the disk has not the root hash ${document.verity.rootHash.slice(0, 16)}...: ${why}.`,
    hint: 'The version that runs is untouched, and this one cannot be started. Check the disk (dmesg, smartctl) and the release, then try again.',
  });
}
