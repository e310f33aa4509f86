import { BowlineError } from '@bowline/errors';
import type { HostErrorCode } from '@bowline/host';
import type { PipelineErrorCode } from '@bowline/image';
import type { SpecErrorCode } from '@bowline/spec';
import type { CliErrorCode } from './error.ts';

/** What each exit code means; scripts may rely on them. */
export const EXIT_MEANINGS = {
  0: 'Done.',
  1: 'Failed: the message says what and why; also a time-out, and an expected text that did not appear.',
  2: 'The bowl, another input document or the command line is wrong.',
  3: 'A package or program that this machine needs is missing.',
  4: 'The network or a registry did not answer, or refused.',
  5: 'Integrity: bytes are not what their digest, or their format, promises.',
  6: 'The disk is full.',
  7: 'bowl.lock is out of date, or another Bowline is at work on the same thing.',
  130: 'Interrupted (Ctrl-C, SIGTERM).',
} as const;

/** An exit code of `bowline`. */
export type ExitCode = keyof typeof EXIT_MEANINGS;

/** Every code an error of Bowline can carry. */
export type ErrorCode = SpecErrorCode | HostErrorCode | PipelineErrorCode | CliErrorCode;

/** The one table from errors to exit codes: a code of any package that is missing here does not compile. */
export const EXIT_CODES = {
  ABORTED: 130,
  ARCH_MISMATCH: 2,
  ARGUMENT_INVALID: 2,
  BLOB_CORRUPT: 5,
  BLOB_MISMATCH: 5,
  BLOB_MISSING: 5,
  BLOB_TOO_LARGE: 5,
  BOWL_INVALID: 2,
  BOWL_NOT_FOUND: 2,
  BUILD_BUSY: 7,
  COMMAND_OUTPUT_TOO_LARGE: 1,
  COMMAND_TIMEOUT: 1,
  CONTEXT_INVALID: 2,
  CONTROL_FAILED: 1,
  DESTINATION_EXISTS: 2,
  DIGEST_MISMATCH: 5,
  DISK_FULL: 6,
  DISK_TOO_SMALL: 2,
  ENGINE_FAILED: 1,
  EXPECT_TIMEOUT: 1,
  FILE_EXISTS: 2,
  FILE_NOT_FOUND: 2,
  FILE_TOO_SHORT: 5,
  FIRMWARE_MISSING: 3,
  FOREIGN_ARCH: 3,
  FORMAT_INPUT: 1,
  FORMAT_INVALID: 5,
  FORMAT_LIMIT: 5,
  FORMAT_TRUNCATED: 5,
  FORMAT_UNSUPPORTED: 5,
  IMAGE_MISSING: 2,
  IMAGE_UNREADABLE: 2,
  IMAGE_UNSUITABLE: 2,
  INIT_MISSING: 2,
  KERNEL_MISSING: 2,
  KEYS_INVALID: 2,
  KERNEL_MODULE_MISSING: 2,
  LAYER_INVALID: 5,
  LAYER_TOO_LARGE: 5,
  LOCK_FAILED: 7,
  LOCK_INVALID: 2,
  LOCK_STALE: 7,
  MACHINE_ENDED: 1,
  MANIFEST_INVALID: 5,
  RELEASE_INVALID: 5,
  LIFECYCLE_INVALID: 5,
  NAME_INVALID: 2,
  NOT_A_DEBUG_IMAGE: 2,
  NOT_CANONICAL: 2,
  NOT_FOUND: 4,
  OFFLINE_MISSING: 4,
  OUTPUT_REFUSED: 2,
  OUTPUT_TOO_LARGE: 1,
  PACKAGES_FAILED: 1,
  PACKAGE_MANAGER_MISSING: 2,
  PLAIN_HTTP_REFUSED: 4,
  PLATFORM_MISSING: 2,
  PROCESS_FAILED: 1,
  PROCESS_NOT_FOUND: 3,
  PROCESS_TIMEOUT: 1,
  PUSH_REFUSED: 4,
  RATE_LIMITED: 4,
  REFERENCE_INVALID: 2,
  REGISTRY_UNREACHABLE: 4,
  ROOT_HASH_INVALID: 1,
  SIZE_INVALID: 2,
  DURATION_INVALID: 2,
  SLOT_TOO_SMALL: 2,
  SOURCE_CHANGED: 5,
  SOURCE_MISSING: 2,
  SQUASHFS_FAILED: 1,
  STORE_ARCHIVE_INVALID: 5,
  SYSTEM_PACKAGES_MISSING: 3,
  TESTS_FAILED: 1,
  TOOLBOX_FAILED: 1,
  TOOL_MISSING: 3,
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
