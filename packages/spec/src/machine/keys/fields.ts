import * as z from 'zod';

/** Optional text. */
export const text = (description: string, example: string) =>
  z
    .string()
    .optional()
    .meta({ description, examples: [example] });

/** Optional text that is never shown. */
export const secretText = (description: string) =>
  z
    .string()
    .optional()
    .meta({ description, examples: ['***'], secret: true });

/** Optional truth value. */
export const flag = (description: string, example = true) =>
  z
    .boolean()
    .optional()
    .meta({ description, examples: [example] });

/** Optional whole number, zero or more. */
export const whole = (description: string, example: number) =>
  z
    .int()
    .min(0)
    .optional()
    .meta({ description, examples: [example] });

/** Optional list of texts. */
export const texts = (description: string, ...example: string[]) =>
  z
    .array(z.string())
    .optional()
    .meta({ description, examples: [example] });

/** Optional map of texts. */
export const textMap = (description: string, example: Record<string, string>) =>
  z
    .record(z.string(), z.string())
    .optional()
    .meta({ description, examples: [example] });

/** `KEY=VALUE` items of an environment; values may be secret. */
export const environmentList = (description: string) =>
  z
    .array(z.string())
    .optional()
    .meta({ description, examples: [['HTTP_PROXY=http://192.0.2.1:3128']], secret: true });
