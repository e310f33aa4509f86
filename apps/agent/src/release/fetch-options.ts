import type { RateLimit } from './rate-limit.ts';

/** How chunks are fetched. */
export interface FetchOptions {
  concurrency: number;
  rate: RateLimit;
  signal: AbortSignal;
  /** Bytes that came over the network. */
  onBytes: (bytes: number) => void;
  /** Takes consecutive chunks, verified; the bytes are valid until its promise is fulfilled. */
  put: (firstChunk: number, chunks: number, plain: Uint8Array) => Promise<void>;
  /** Whether a chunk was put. */
  isDone: (chunk: number) => boolean;
}
