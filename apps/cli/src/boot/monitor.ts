import type { Socket } from 'node:net';
import { CliError } from '../error.ts';

const ANSWER_MS = 10_000;
const MAX_ANSWER_CHARS = 1 << 20;

/**
 * Sends one command over QEMU's monitor protocol (QMP) on a fresh connection and waits for its answer.
 * Throws CliError CONTROL_FAILED.
 */
export async function sendMonitorCommand(socket: Socket, command: string): Promise<void> {
  const timer = setTimeout(() => socket.destroy(), ANSWER_MS);
  try {
    socket.write(`${JSON.stringify({ execute: 'qmp_capabilities' })}\n`);
    socket.write(`${JSON.stringify({ execute: command, id: 'asked' })}\n`);
    let received = '';
    for await (const chunk of socket) {
      received += String(chunk);
      const lines = received.split('\n');
      received = lines.pop() ?? '';
      if (received.length > MAX_ANSWER_CHARS) break;
      for (const line of lines) {
        const answer = parseAnswer(line);
        if (answer === undefined) continue;
        if (answer.error === undefined) return;
        throw failed(command, answer.error);
      }
    }
  } finally {
    clearTimeout(timer);
  }
  throw failed(command, 'no answer');
}

/** The answer to our command; events, the greeting and the answer to the handshake are passed over. */
function parseAnswer(line: string): { error: string | undefined } | undefined {
  let answer: unknown;
  try {
    answer = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (typeof answer !== 'object' || answer === null || !('id' in answer) || answer.id !== 'asked') return undefined;
  return { error: 'error' in answer ? JSON.stringify(answer.error) : undefined };
}

function failed(command: string, why: string): CliError {
  return new CliError({ code: 'CONTROL_FAILED', message: `the machine refused ${command}: ${why}` });
}
