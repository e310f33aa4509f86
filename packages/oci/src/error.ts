import { BowlineError } from '@bowline/errors';

/** What can go wrong with container images, wherever they lie. */
export type OciErrorCode =
  | 'REFERENCE_INVALID'
  | 'REGISTRY_UNREACHABLE'
  | 'UNAUTHORIZED'
  | 'NOT_FOUND'
  | 'DIGEST_MISMATCH'
  | 'TRUNCATED'
  | 'PLATFORM_MISSING'
  | 'MANIFEST_INVALID'
  | 'PLAIN_HTTP_REFUSED'
  | 'RATE_LIMITED'
  | 'TOO_LARGE'
  | 'PUSH_REFUSED'
  | 'DESTINATION_EXISTS';

/** A failed pull, push, read or write of an image. Messages name registry and repository, never credentials. */
export class OciError extends BowlineError<OciErrorCode> {}

/** Text of a server made safe for a message: one line, printable, at most `maxLength` characters. */
export function quoteForeignText(text: string, maxLength = 200): string {
  const line = text
    .replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]+/g, ' ')
    .replace(/\s+/g, ' ')
    .trim();
  return line.length > maxLength ? `${line.slice(0, maxLength)}...` : line;
}
