import { TemplateError } from './error.ts';

/** What functions such as `now`, `randAlphaNum` and `sha256sum` need from outside; this package is pure. */
export interface TemplateHost {
  now(): Date;
  randomBytes(length: number): Uint8Array;
  hash(algorithm: 'sha1' | 'sha256' | 'sha512', bytes: Uint8Array): Uint8Array;
  env(name: string): string | undefined;
}

export interface TemplateOptions {
  host: TemplateHost;
  /** What messages call the template. */
  name?: string;
  /** A missing key is an error (TEMPLATE_FAILED) instead of `<no value>`. */
  missingKeyIsError?: boolean;
}

/**
 * Renders a Go template (text/template with the functions of sprig) with `data`.
 * Throws TemplateError TEMPLATE_INVALID | TEMPLATE_FAILED.
 */
export function renderTemplate(text: string, _data: unknown, options: TemplateOptions): string {
  if (!text.includes('{{')) return text;
  throw new TemplateError({ code: 'TEMPLATE_INVALID', message: `${options.name ?? 'template'}:1:1: not there yet` });
}
