import { TemplateError, type TemplateErrorCode } from '../error.ts';

/** A template as messages name it. */
export interface TemplateSource {
  name: string;
  text: string;
}

/** An error at `offset` of the template, as `NAME:LINE:COLUMN: message`; lines and columns count from 1. */
export function errorAt(
  source: TemplateSource,
  offset: number,
  code: TemplateErrorCode,
  message: string,
  hint?: string,
): TemplateError {
  const before = source.text.slice(0, offset);
  const lineStart = before.lastIndexOf('\n') + 1;
  let line = 1;
  for (let at = before.indexOf('\n'); at >= 0; at = before.indexOf('\n', at + 1)) line += 1;
  const column = offset - lineStart + 1;
  return new TemplateError({
    code,
    message: `${source.name}:${line}:${column}: ${message}`,
    hint,
    details: { template: source.name, line, column },
  });
}
