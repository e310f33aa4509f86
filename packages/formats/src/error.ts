import { BowlineError } from '@bowline/errors';

/** Why bytes were refused. */
export type FormatsErrorCode =
  /** The data ends before the format says it does. */
  | 'FORMAT_TRUNCATED'
  /** The data contradicts the format: bad magic, checksum, offset or field. */
  | 'FORMAT_INVALID'
  /** The data is valid but uses a part of the format that Bowline does not read. */
  | 'FORMAT_UNSUPPORTED'
  /** The data is larger than the limit set for hostile input. */
  | 'FORMAT_LIMIT'
  /** A writer was asked for something that the format cannot hold. */
  | 'FORMAT_INPUT';

/** Every failure of a byte codec in this package. */
export class FormatsError extends BowlineError<FormatsErrorCode> {}
