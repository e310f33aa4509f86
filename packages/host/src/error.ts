import { BowlineError } from '@bowline/errors';

/** Everything that can go wrong between Bowline and the machine it runs on. */
export type HostErrorCode =
  | 'PROCESS_FAILED'
  | 'PROCESS_TIMEOUT'
  | 'PROCESS_NOT_FOUND'
  | 'OUTPUT_TOO_LARGE'
  | 'ABORTED'
  | 'BLOB_MISSING'
  | 'BLOB_MISMATCH'
  | 'BLOB_TOO_LARGE'
  | 'BLOB_CORRUPT'
  | 'DISK_FULL'
  | 'FILE_TOO_SHORT'
  | 'LOCK_FAILED'
  | 'SYSTEM_PACKAGES_MISSING';

/** A failure of a process, a file or the machine, said in a sentence. */
export class HostError extends BowlineError<HostErrorCode> {}

/** The `code` of a Node system error such as `ENOENT`; undefined for anything else. */
export function errnoOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

/** True when a write failed because the disk or the quota is full. */
function isDiskFull(error: unknown): boolean {
  const code = errnoOf(error);
  return code === 'ENOSPC' || code === 'EDQUOT';
}

/** Turns ENOSPC and EDQUOT into HostError DISK_FULL that names the folder; every other error passes unchanged. */
export function explainDiskFull(error: unknown, folder: string): unknown {
  if (!isDiskFull(error)) return error;
  return new HostError({
    code: 'DISK_FULL',
    message: `no space left on the disk that holds ${folder}`,
    hint: `Free some space there, or choose another folder; \`df -h ${folder}\` shows how much is left.`,
    details: { folder },
    cause: error,
  });
}

/** The error every aborted operation throws. */
export function abortedError(what: string, signal: AbortSignal | undefined): HostError {
  return new HostError({ code: 'ABORTED', message: `${what} was stopped`, cause: signal?.reason });
}
