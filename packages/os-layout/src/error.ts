import { BowlineError } from '@bowline/errors';

/** What can be wrong with the numbers a layout is made from. */
export type OsLayoutErrorCode = 'ROOT_HASH_INVALID' | 'SIZE_INVALID' | 'NAME_INVALID' | 'ARGUMENT_INVALID';

/** A layout that cannot be computed from what was given. */
export class OsLayoutError extends BowlineError<OsLayoutErrorCode> {}
