import { BowlineError } from '@bowline/errors';
import type { FormatsErrorCode } from '@bowline/formats';
import type { HostErrorCode } from '@bowline/host';
import type { OciErrorCode } from '@bowline/oci';
import type { OsLayoutErrorCode } from '@bowline/os-layout';
import type { SpecErrorCode } from '@bowline/spec';
import type { TemplateErrorCode } from '@bowline/template';
import type { AgentErrorCode } from './error.ts';

/** What each exit code means; the same as those of `bowline`. */
export const EXIT_MEANINGS = {
  0: 'Done.',
  1: 'Failed: the message says what and why; also a time-out, and a failed step with --strict.',
  2: 'The configuration, another input or the command line is wrong.',
  3: 'A program that this command needs is missing, or it needs root.',
  4: 'The network or a registry did not answer, or refused.',
  5: 'Integrity: bytes are not what their digest, or their format, promises.',
  6: 'The disk is full.',
  7: 'Another process is at work on the same thing.',
  130: 'Interrupted (Ctrl-C, SIGTERM).',
} as const;

/** An exit code of `bowline-agent`. */
export type ExitCode = keyof typeof EXIT_MEANINGS;

/** Every code an error of the agent can carry. */
export type ErrorCode =
  | AgentErrorCode
  | SpecErrorCode
  | TemplateErrorCode
  | HostErrorCode
  | OciErrorCode
  | FormatsErrorCode
  | OsLayoutErrorCode;

/** The one table from errors to exit codes: a code of any package that is missing here does not compile. */
export const EXIT_CODES = {
  ABORTED: 130,
  ACCOUNT_INVALID: 2,
  ARGUMENT_INVALID: 2,
  BLOB_CORRUPT: 5,
  BLOB_MISMATCH: 5,
  BLOB_MISSING: 5,
  BLOB_TOO_LARGE: 5,
  BOWL_INVALID: 2,
  CONFIG_INVALID: 2,
  DATASOURCE_FAILED: 4,
  DESTINATION_EXISTS: 2,
  DIGEST_MISMATCH: 5,
  DISK_FULL: 6,
  DISK_INVALID: 2,
  DOWNLOAD_FAILED: 4,
  FILE_TOO_SHORT: 5,
  FORMAT_INPUT: 1,
  FORMAT_INVALID: 5,
  FORMAT_LIMIT: 5,
  FORMAT_TRUNCATED: 5,
  FORMAT_UNSUPPORTED: 5,
  IDENTITY_CONFLICT: 1,
  IMMUTABLE_ROOT: 2,
  LOCK_FAILED: 7,
  LOCK_INVALID: 2,
  MANIFEST_INVALID: 5,
  RELEASE_INVALID: 5,
  LIFECYCLE_INVALID: 5,
  NO_SYSTEM_DISK: 3,
  NO_SPACE: 6,
  SLOT_TOO_SMALL: 2,
  SIGNATURE_INVALID: 5,
  RELEASE_DAMAGED: 5,
  RELEASE_UNFIT: 2,
  VERSION_BAD: 2,
  VERSION_UNPROVEN: 7,
  DOWNGRADE_REFUSED: 2,
  ROOT_HASH_MISMATCH: 5,
  SOURCE_UNAVAILABLE: 4,
  DISK_IN_USE: 2,
  WRITE_FAILED: 6,
  HEALTH_FAILED: 1,
  NO_BOOT_ENTRY: 2,
  ESP_UNAVAILABLE: 6,
  LIFECYCLE_BUSY: 7,
  NAME_INVALID: 2,
  NOT_CANONICAL: 2,
  NOT_FOUND: 4,
  NOT_ROOT: 3,
  ORDER_CYCLE: 2,
  OUTPUT_TOO_LARGE: 1,
  PLAIN_HTTP_REFUSED: 4,
  PLATFORM_MISSING: 2,
  PROCESS_FAILED: 1,
  PROCESS_NOT_FOUND: 3,
  PROCESS_TIMEOUT: 1,
  PROGRAM_MISSING: 3,
  PUSH_REFUSED: 4,
  QUERY_INVALID: 2,
  RATE_LIMITED: 4,
  REFERENCE_INVALID: 2,
  REGISTRY_UNREACHABLE: 4,
  ROOT_HASH_INVALID: 1,
  SIZE_INVALID: 2,
  DURATION_INVALID: 2,
  STATE_CORRUPT: 5,
  STEP_FAILED: 1,
  STEP_INVALID: 2,
  STEP_TIMEOUT: 1,
  SYSTEM_PACKAGES_MISSING: 3,
  TEMPLATE_FAILED: 1,
  TEMPLATE_INVALID: 2,
  TOO_LARGE: 5,
  TRUNCATED: 5,
  UNAUTHORIZED: 4,
  USAGE: 2,
} satisfies Record<ErrorCode, Exclude<ExitCode, 0>>;

/** The exit code for anything that was thrown. */
export function exitCodeOf(error: unknown): Exclude<ExitCode, 0> {
  if (error instanceof BowlineError) return isKnown(error.code) ? EXIT_CODES[error.code] : 1;
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ENOSPC' || code === 'EDQUOT') return 6;
  if (error instanceof Error && error.name === 'AbortError') return 130;
  return 1;
}

function isKnown(code: string): code is ErrorCode {
  return Object.hasOwn(EXIT_CODES, code);
}
