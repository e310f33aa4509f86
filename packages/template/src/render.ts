import { isFunction } from './functions/table.ts';
import type { TemplateHost } from './host.ts';
import { errorAt } from './parse/location.ts';
import { parseTemplate } from './parse/parser.ts';
import { Budget } from './run/budget.ts';
import { Executor } from './run/executor.ts';
import { toValue } from './value/value.ts';

/** Templates and what they print are no longer than this, in UTF-16 units. */
const MAX_TEMPLATE_LENGTH = 8 * 1024 * 1024;

/** How a template is rendered. */
export interface TemplateOptions {
  host: TemplateHost;
  /** What messages call the template. */
  name?: string;
  /** A missing key is an error (TEMPLATE_FAILED) instead of `<no value>`. */
  missingKeyIsError?: boolean;
}

/**
 * Renders a Go template (text/template with the functions of sprig) with `data`. Depth, steps and output are limited.
 * Throws TemplateError TEMPLATE_INVALID | TEMPLATE_FAILED.
 */
export function renderTemplate(text: string, data: unknown, options: TemplateOptions): string {
  if (!text.includes('{{')) return text;
  const source = { name: options.name ?? 'template', text };
  if (text.length > MAX_TEMPLATE_LENGTH) {
    throw errorAt(source, 0, 'TEMPLATE_INVALID', `the template is longer than ${MAX_TEMPLATE_LENGTH} characters`);
  }
  const parsed = parseTemplate(source, isFunction);
  try {
    const budget = new Budget(MAX_TEMPLATE_LENGTH);
    const executor = new Executor({
      source,
      definitions: parsed.definitions,
      context: { host: options.host, budget },
      missingKeyIsError: options.missingKeyIsError ?? false,
    });
    return executor.run(parsed.body, toValue(data));
  } catch (error) {
    if (error instanceof RangeError) throw errorAt(source, 0, 'TEMPLATE_FAILED', stackMessage(error));
    throw error;
  }
}

function stackMessage(error: RangeError): string {
  return error.message.includes('call stack') ? 'the template is nested too deeply' : error.message;
}
