import { BowlineError } from '@bowline/errors';

/** What can go wrong in the command line tool itself, beyond what the packages below it report. */
export type CliErrorCode =
  | 'USAGE'
  | 'BOWL_NOT_FOUND'
  | 'FILE_NOT_FOUND'
  | 'FILE_EXISTS'
  | 'IMAGE_UNSUITABLE'
  | 'NOT_A_DEBUG_IMAGE'
  | 'FIRMWARE_MISSING'
  | 'MACHINE_ENDED'
  | 'EXPECT_TIMEOUT'
  | 'COMMAND_TIMEOUT'
  | 'COMMAND_OUTPUT_TOO_LARGE'
  | 'CONTROL_FAILED'
  | 'TESTS_FAILED';

/** A failure of a command, said in a sentence. */
export class CliError extends BowlineError<CliErrorCode> {}
