import { BowlineError } from '@bowline/errors';

/** Codes that say something about the bytes of a release, not about the way to them. */
const DAMAGE = new Set<string>([
  'DIGEST_MISMATCH',
  'FORMAT_INPUT',
  'FORMAT_INVALID',
  'FORMAT_LIMIT',
  'FORMAT_TRUNCATED',
  'FORMAT_UNSUPPORTED',
  'IMAGE_UNREADABLE',
  'MANIFEST_INVALID',
  'NOT_FOUND',
  'RELEASE_INVALID',
  'TOO_LARGE',
  'TRUNCATED',
]);

/** Whether an error tells of a damaged release; others (network, login) end the work. */
export function isDamage(error: unknown): error is BowlineError {
  return error instanceof BowlineError && DAMAGE.has(error.code);
}

/** The message of an error as part of a list. */
export function sentenceOf(error: BowlineError): string {
  return error.message.replace(/\.$/, '');
}
