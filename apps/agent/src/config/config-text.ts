import { constants } from 'node:fs';
import { open } from 'node:fs/promises';

/** The most bytes a configuration may have. */
export const CONFIG_LIMIT_BYTES = 2 ** 20;

/** The text of a configuration, or a sentence that says why there is none. */
export type ConfigText = { text: string } | { reason: string };

/**
 * Reads a configuration. Devices and pipes are refused without waiting for them; a file that is too large is not read.
 * ENOENT is thrown, every other failure is a reason.
 */
export async function readConfigText(path: string): Promise<ConfigText> {
  try {
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const info = await file.stat();
      if (!info.isFile()) return { reason: 'is not a regular file' };
      if (info.size > CONFIG_LIMIT_BYTES) return { reason: tooLarge(info.size) };
      return decodeConfig(await file.readFile());
    } finally {
      await file.close();
    }
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'an unknown error';
    if (code === 'ENOENT') throw error;
    return { reason: `cannot be read (${code})` };
  }
}

/** Bytes as text: UTF-8, with or without a byte order mark. */
function decodeConfig(bytes: Uint8Array): ConfigText {
  if (bytes.length > CONFIG_LIMIT_BYTES) return { reason: tooLarge(bytes.length) };
  const [first, second] = bytes;
  if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff)) {
    return { reason: 'is UTF-16, not UTF-8' };
  }
  if (bytes.includes(0)) return { reason: 'is binary' };
  try {
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(bytes) };
  } catch {
    return { reason: 'is not UTF-8' };
  }
}

function tooLarge(sizeBytes: number): string {
  return `is too large: ${sizeBytes} bytes, at most ${CONFIG_LIMIT_BYTES} are read`;
}
