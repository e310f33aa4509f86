import { createInterface } from 'node:readline/promises';
import { AgentError } from '../error.ts';

/** Asks at the terminal. Throws AgentError USAGE unless the answer is yes, and where there is no terminal. */
export async function confirm(question: string, say: (line: string) => void): Promise<void> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) {
    say(question);
    throw refused('Nobody can be asked here.', 'Say --yes.');
  }
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await terminal.question(`${question} [yes/no] `);
    if (answer.trim().toLowerCase() !== 'yes') throw refused('The answer was not yes.', 'Nothing was changed.');
  } finally {
    terminal.close();
  }
}

function refused(message: string, hint: string): AgentError {
  return new AgentError({ code: 'USAGE', message, hint });
}
