import type { Host } from '@bowline/host';
import type { CredentialLookup } from './credentials.ts';

/** Bounds on one transfer; every one of them keeps a hostile or ill server from holding a build for ever. */
export interface TransferLimits {
  /** Until the headers of an answer are there. */
  requestTimeoutMs: number;
  /** A body must bring `stallMinBytes` in every such span of waiting, else the connection counts as dead. */
  stallTimeoutMs: number;
  stallMinBytes: number;
  /** Tries of a request, and of a body without `progressBytes` in between. */
  maxAttempts: number;
  /** A transfer that moved this much since the last failure starts counting attempts anew. */
  progressBytes: number;
  /** First pause between two tries; doubles each time up to `retryMaxMs`. */
  retryBaseMs: number;
  retryMaxMs: number;
  /** Longest `Retry-After` that is waited for; a longer one is an error at once. */
  maxRetryAfterMs: number;
  maxRedirects: number;
  /** Bytes of one PATCH of a chunked upload. */
  uploadChunkBytes: number;
}

export const DEFAULT_TRANSFER_LIMITS: TransferLimits = {
  requestTimeoutMs: 60_000,
  stallTimeoutMs: 30_000,
  stallMinBytes: 4096,
  maxAttempts: 5,
  progressBytes: 2 ** 20,
  retryBaseMs: 500,
  retryMaxMs: 30_000,
  maxRetryAfterMs: 120_000,
  maxRedirects: 5,
  uploadChunkBytes: 8 * 2 ** 20,
};

/** What the registry client works with. */
export interface RegistryOptions {
  host: Pick<Host, 'fetch' | 'processes' | 'clock' | 'env'>;
  /** Hosts (`host` or `host:port`) for which plain HTTP was asked for; all others, loopback too, must speak TLS. */
  plainHttpRegistries?: readonly string[];
  /** Registry to mirrors (`host[:port][/prefix]`), tried in order before the registry itself, for pulls only. */
  mirrors?: Readonly<Record<string, readonly string[]>>;
  /** Default: the files of docker and podman and their credential helpers. */
  credentials?: CredentialLookup;
  limits?: Partial<TransferLimits>;
  /** Pause between tries; a test may shorten it. */
  sleep?: (ms: number, signal: AbortSignal | undefined) => Promise<void>;
}
