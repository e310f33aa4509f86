import type { ReleaseVerity } from '@bowline/spec';
import type { ChunkSources } from './chunk-sources.ts';
import type { Release, RootTarget, WriteRootOptions, WriteRootProgress, WrittenRoot } from './contract.ts';
import { copyChunks } from './copy-chunks.ts';
import { fetchChunks } from './fetch-chunks.ts';
import { RateLimit } from './rate-limit.ts';
import type { RootFile } from './root-file.ts';
import { type DiskVerity, writeVerity } from './verity-disk.ts';

const CONCURRENCY = 3;

/** The steps of writing a root, and how far they are. */
export class WriteWork {
  readonly totals: Pick<WrittenRoot, 'fetchedBytes' | 'reusedBytes' | 'keptBytes'> = {
    fetchedBytes: 0,
    reusedBytes: 0,
    keptBytes: 0,
  };
  readonly #release: Release;
  readonly #root: RootFile;
  readonly #options: WriteRootOptions;
  readonly #rate: RateLimit;
  #doneBytes = 0;

  constructor(release: Release, root: RootFile, options: WriteRootOptions) {
    this.#release = release;
    this.#root = root;
    this.#options = options;
    this.#rate = new RateLimit(options.limit);
  }

  /** Puts every chunk in its place, durable: from this machine and the network at the same time. Throws as `writeRoot`. */
  async write(sources: ChunkSources, phase: 'write' | 'repair'): Promise<void> {
    const root = this.#root;
    const { signal } = this.#release.machine;
    this.totals.keptBytes = this.#sum(sources.kept);
    this.#doneBytes = 0;
    this.#advance(phase, this.totals.keptBytes);
    const stop = new AbortController();
    const either = AbortSignal.any([signal, stop.signal]);
    const onCopied = (bytes: number): void => {
      this.totals.reusedBytes += bytes;
      this.#advance(phase, bytes);
    };
    let isWritten = false;
    try {
      const stopOthers = (error: unknown): never => {
        stop.abort();
        throw error;
      };
      const results = await Promise.allSettled([
        copyChunks(sources.copies, root, either, onCopied).catch(stopOthers),
        this.#fetch(phase, sources.fetches, either).catch(stopOthers),
      ]);
      signal.throwIfAborted();
      throwFirst(results);
      // What a base could not give: a slot that cannot be read any more.
      const copied = sources.copies.flatMap(({ firstChunk, chunks }) => range(firstChunk, chunks));
      await this.#fetch(
        phase,
        copied.filter((chunk) => !root.isDone(chunk)),
        signal,
      );
      for (const [first, others] of sources.repeats) {
        const plain = await root.get(first);
        for (const chunk of others) {
          await root.put(chunk, 1, plain);
          this.#advance(phase, plain.length);
        }
      }
      await root.pad();
      isWritten = true;
    } finally {
      // What is there stays there, and the next run continues; why this one failed is more important than that.
      if (!isWritten) await root.flush().catch(() => undefined);
    }
    await root.flush();
  }

  /** Computes the root hash from the disk. Throws as `writeVerity`. */
  verify(target: RootTarget, verity: ReleaseVerity): Promise<DiskVerity> {
    this.#doneBytes = 0;
    return writeVerity(target, verity, this.#release.machine.signal, (bytes) => this.#advance('verify', bytes));
  }

  #fetch(phase: 'write' | 'repair', chunks: readonly number[], signal: AbortSignal): Promise<void> {
    const root = this.#root;
    return fetchChunks(this.#release, chunks, {
      concurrency: this.#options.concurrency ?? CONCURRENCY,
      rate: this.#rate,
      signal,
      onBytes: (bytes) => {
        this.totals.fetchedBytes += bytes;
      },
      put: async (first, count, plain) => {
        await root.put(first, count, plain);
        this.#advance(phase, plain.length);
      },
      isDone: (chunk) => root.isDone(chunk),
    });
  }

  #advance(phase: WriteRootProgress['phase'], bytes: number): void {
    this.#doneBytes += bytes;
    const { fetchedBytes } = this.totals;
    const totalBytes = this.#root.index.rootBytes;
    this.#options.progress?.({ phase, doneBytes: Math.min(this.#doneBytes, totalBytes), totalBytes, fetchedBytes });
  }

  #sum(chunks: readonly number[]): number {
    return chunks.reduce((sum, chunk) => sum + (this.#root.index.lengths[chunk] as number), 0);
  }
}

function range(first: number, count: number): number[] {
  return Array.from({ length: count }, (_, at) => first + at);
}

/** The failure that came first is the reason; the other one was stopped by it. */
function throwFirst(results: readonly PromiseSettledResult<void>[]): void {
  const failures = results.flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : []));
  const reason = failures.find((error) => !(error instanceof Error && error.name === 'AbortError'));
  if (failures.length > 0) throw reason ?? failures[0];
}
