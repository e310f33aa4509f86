import { AgentError } from './error.ts';

/** STEP_INVALID: a value of the step that cannot work. */
export function stepInvalid(message: string, hint?: string): AgentError {
  return new AgentError({ code: 'STEP_INVALID', message, hint });
}

/** STEP_FAILED: the machine did not let it happen. */
export function stepFailed(message: string, hint?: string, cause?: unknown): AgentError {
  return new AgentError({ code: 'STEP_FAILED', message, hint, cause });
}

/** Text of a configuration on one line of a summary or a message: no control characters, at most `limit` characters. */
export function oneLine(text: string, limit = 100): string {
  const line = text.replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]+/gu, ' ').trim();
  return line.length > limit ? `${line.slice(0, limit - 1)}…` : line;
}
