import { createHash } from 'node:crypto';
import { AgentError } from '../error.ts';

/** A password field that no password fits, and that locks nothing else. */
export const NO_PASSWORD = '*';
/** The password field of an account whose password is locked. */
export const LOCKED = '!';

/** What a configured password is. */
export type ConfiguredPassword = { kind: 'hash'; hash: string } | { kind: 'plain'; text: string };

/**
 * Tells crypt(3) hashes (`$y$...`, `$6$...`, `$2b$...`, and the fields `*`, `!`, `!!` or a hash behind `!`, which stop
 * passwords) from plain text. Undefined for an empty value: that is no password, never "log in without one".
 * Throws AgentError ACCOUNT_INVALID for a hash that would break shadow(5), without showing it.
 */
export function readPassword(user: string, value: string): ConfiguredPassword | undefined {
  if (value === '') return undefined;
  if (/^(?:\*|!{1,2})$/.test(value)) return { kind: 'hash', hash: value };
  if (!/^!{0,2}\$[A-Za-z0-9_-]+\$/.test(value)) return { kind: 'plain', text: value };
  if (!/^[!-9<-~]+$/.test(value) || value.length > 512) {
    throw new AgentError({
      code: 'ACCOUNT_INVALID',
      message: `the password of ${user} looks like a crypt(3) hash and is none`,
      hint: 'Make one with `openssl passwd -6` or mkpasswd; in double quotes YAML changes backslashes.',
    });
  }
  return { kind: 'hash', hash: value };
}

/** Tells whether two password fields are the same without keeping them. */
export function fingerprint(hash: string): string {
  return createHash('sha256').update(`shadow:${hash}`).digest('hex');
}
