import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import type { Machine } from '../machine/machine.ts';
import { runProgram } from '../machine/run-program.ts';

/** Of one file or program at most this much is kept: its end, which is what happened last. */
const MAX_BYTES = 2 * 1024 * 1024;
const PROGRAM_TIMEOUT_MS = 20_000;

/** The end of a file of the machine. Throws a sentence when it cannot be read. */
export async function readTail(machine: Machine, path: string): Promise<string> {
  await using file = await open(machine.locate(path), constants.O_RDONLY | constants.O_NONBLOCK);
  const info = await file.stat();
  if (!info.isFile()) throw new Error('is not a regular file');
  // Files of /proc say that they are empty.
  const start = Math.max(0, info.size - MAX_BYTES);
  const buffer = Buffer.alloc(info.size === 0 ? MAX_BYTES : Math.min(MAX_BYTES, info.size));
  let filled = 0;
  while (filled < buffer.length) {
    const { bytesRead } = await file.read(buffer, filled, buffer.length - filled, start + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  const cut = start > 0 ? `[the first ${start} bytes are left out]\n` : '';
  return cut + buffer.toString('utf8', 0, filled);
}

/** What a program of the machine prints. Throws AgentError when it is missing, fails or hangs. */
export async function readProgram(machine: Machine, name: string, args: readonly string[]): Promise<string> {
  const result = await runProgram(machine, name, args, {
    timeoutMs: PROGRAM_TIMEOUT_MS,
    maxCaptureBytes: 4 * MAX_BYTES,
    okExitCodes: [0, 1, 3],
    keepQuiet: true,
  });
  const text = new TextDecoder().decode(result.stdout);
  return text.length > MAX_BYTES ? `[the start is left out]\n${text.slice(-MAX_BYTES)}` : text;
}
