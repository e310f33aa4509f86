import { BowlineError } from '@bowline/errors';

/** A template that cannot be parsed, or cannot be executed with its data. */
export type TemplateErrorCode = 'TEMPLATE_INVALID' | 'TEMPLATE_FAILED';

/** Message: `NAME:LINE:COLUMN: what is wrong`; never holds values of the data. */
export class TemplateError extends BowlineError<TemplateErrorCode> {}
