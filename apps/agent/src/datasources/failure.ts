import { AgentError } from '../error.ts';

/** The error of a source that cannot be asked or gave nonsense. */
export function sourceFailed(message: string, hint: string, cause?: unknown): AgentError {
  return new AgentError({ code: 'DATASOURCE_FAILED', message, hint, cause });
}
