/** `sha256:` and 64 lower-case hex digits. */
export type Digest = `sha256:${string}`;

/** Content-addressed store of immutable blobs. A blob appears whole or not at all (temporary name, fsync, rename). */
export interface BlobStore {
  /** Local folder of the store, when it has one: caches about blobs are kept in it. */
  readonly folder?: string;
  has(digest: Digest): Promise<boolean>;
  /** Path of a stored blob for reading; throws HostError BLOB_MISSING. */
  path(digest: Digest): Promise<string>;
  size(digest: Digest): Promise<number>;
  /** Stores a stream; when `expected` is given a different digest is refused (BLOB_MISMATCH) and nothing is kept. */
  ingest(
    stream: AsyncIterable<Uint8Array>,
    options?: { expected?: Digest; maxBytes?: number; signal?: AbortSignal },
  ): Promise<{ digest: Digest; size: number }>;
  /** Stores a copy of a local file (reflink or hard copy), hashing it on the way. */
  ingestFile(
    path: string,
    options?: { expected?: Digest; maxBytes?: number; signal?: AbortSignal },
  ): Promise<{ digest: Digest; size: number }>;
  /**
   * Takes a local file without copying it, as a reflink or else as a hard link; `read` is given the path to read and says
   * the digest. Undefined, before anything was read, when the file system can do neither. A hard-linked blob changes when
   * somebody writes to its original in place: only for readers that notice.
   */
  adoptFile?(
    path: string,
    read: (path: string) => Promise<Digest>,
    options?: { expected?: Digest },
  ): Promise<{ digest: Digest; size: number } | undefined>;
  list(): AsyncIterable<{ digest: Digest; size: number }>;
  remove(digest: Digest): Promise<void>;
}
