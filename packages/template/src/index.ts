export { TemplateError, type TemplateErrorCode } from './error.ts';
export { renderTemplate, type TemplateHost, type TemplateOptions } from './render.ts';
