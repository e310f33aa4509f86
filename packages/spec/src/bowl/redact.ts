import type * as z from 'zod';
import { walkFields } from '../schema/describe.ts';
import { Bowl } from './schema.ts';

/** What stands in the place of a secret. */
export const REDACTED = '(secret)';

/** The bowl with every text of a `secret` field replaced, for showing and logging. Never feed it to a build: it has another identity. */
export function redactBowl(bowl: Bowl): Bowl {
  return redactValue(bowl, Bowl) as Bowl;
}

/** The same for any document schema. */
export function redactValue(value: unknown, schema: z.ZodType): unknown {
  const secrets = new Set([...walkFields(schema)].filter((field) => field.meta.secret).map((field) => field.path));
  return visit(value, '', false, secrets);
}

function visit(value: unknown, path: string, hidden: boolean, secrets: ReadonlySet<string>): unknown {
  const secret = hidden || secrets.has(path);
  if (Array.isArray(value)) return value.map((item) => visit(item, `${path}[]`, secret, secrets));
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [
        key,
        visit(item, path === '' ? key : `${path}.${key}`, secret, secrets),
      ]),
    );
  }
  return secret && value !== undefined ? REDACTED : value;
}
