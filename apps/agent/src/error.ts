import { BowlineError } from '@bowline/errors';

/** Everything that can go wrong on the machine itself. */
export type AgentErrorCode =
  | 'USAGE'
  | 'CONFIG_INVALID'
  | 'STEP_INVALID'
  | 'STEP_FAILED'
  | 'STEP_TIMEOUT'
  | 'ORDER_CYCLE'
  | 'PROGRAM_MISSING'
  | 'DOWNLOAD_FAILED'
  | 'ACCOUNT_INVALID'
  | 'IDENTITY_CONFLICT'
  | 'IMMUTABLE_ROOT'
  | 'DATASOURCE_FAILED'
  | 'DISK_INVALID'
  | 'QUERY_INVALID'
  | 'STATE_CORRUPT'
  | 'NOT_ROOT'
  | 'NO_SYSTEM_DISK'
  | 'NO_SPACE'
  | 'SLOT_TOO_SMALL'
  | 'SIGNATURE_INVALID'
  | 'RELEASE_DAMAGED'
  | 'RELEASE_UNFIT'
  | 'VERSION_BAD'
  | 'VERSION_UNPROVEN'
  | 'DOWNGRADE_REFUSED'
  | 'ROOT_HASH_MISMATCH'
  | 'SOURCE_UNAVAILABLE'
  | 'DISK_IN_USE'
  | 'WRITE_FAILED'
  | 'HEALTH_FAILED'
  | 'NO_BOOT_ENTRY'
  | 'ESP_UNAVAILABLE'
  | 'LIFECYCLE_BUSY';

/** A failure of the agent, said in a sentence; never holds passwords, keys or contents of files. */
export class AgentError extends BowlineError<AgentErrorCode> {}
