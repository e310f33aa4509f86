import { BowlineError } from '@bowline/errors';
import { AgentError } from '../error.ts';

/** What the system says of a disk that went away, broke, or is full. */
const REASONS: Readonly<Record<string, string>> = {
  EIO: 'the disk reports an error',
  ENXIO: 'the disk is gone',
  ENODEV: 'the disk is gone',
  ENODATA: 'the source ends early',
  ENOSPC: 'there is no room left',
  EROFS: 'the disk is write-protected',
  EBUSY: 'it is in use',
};

/** WRITE_FAILED. */
export function writeFailed(why: string, hint: string, cause?: unknown): AgentError {
  return new AgentError({ code: 'WRITE_FAILED', message: `install: ${why}.`, hint, cause });
}

/** What a step threw, said so that people know which step and what to do. Own errors and the end of a signal stay. */
export function explainFailure(error: unknown, step: string, disk: string): unknown {
  if (error instanceof BowlineError || !(error instanceof Error) || error.name === 'AbortError') return error;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  if (code === undefined) return error;
  const why = REASONS[code] ?? 'the system refused';
  const cure = 'The disk starts nothing now; install again, or replace it.';
  return new AgentError({
    code: code === 'ENOSPC' ? 'NO_SPACE' : code === 'EBUSY' ? 'DISK_IN_USE' : 'WRITE_FAILED',
    message: `install: "${step}" failed on ${disk}: ${why} (${code}).`,
    hint: cure,
    cause: error,
  });
}
