export { TemplateError, type TemplateErrorCode } from './error.ts';
export type { TemplateHost } from './host.ts';
export { renderTemplate, type TemplateOptions } from './render.ts';
