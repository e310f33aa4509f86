import { open, readdir, readlink } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Machine } from '../machine/machine.ts';

const MAX_BYTES = 1024 * 1024;

/** What a small file of the machine holds, without space around it; empty where it cannot be read. */
export async function readFact(machine: Machine, path: string): Promise<string> {
  try {
    await using file = await open(machine.locate(path), 'r');
    const { buffer, bytesRead } = await file.read(Buffer.alloc(MAX_BYTES), 0, MAX_BYTES, null);
    // Files of device trees end with a NUL.
    return buffer.toString('utf8', 0, bytesRead).replaceAll('\0', '').trim();
  } catch {
    return '';
  }
}

/** Names in a folder of the machine, sorted; none where it cannot be read. */
export async function listFacts(machine: Machine, path: string): Promise<string[]> {
  const names = await readdir(machine.locate(path)).catch(() => []);
  return names.toSorted((left, right) => (left < right ? -1 : 1));
}

/** Last name of what a link of the machine points at; empty where there is none. */
export async function readLinkName(machine: Machine, path: string): Promise<string> {
  return basename(await readlink(machine.locate(path)).catch(() => ''));
}

/** Values of `KEY: value` or `KEY=value` lines by key; of a repeated key the first counts. */
export function parseLines(text: string, separator: ':' | '='): Map<string, string> {
  const values = new Map<string, string>();
  for (const line of text.split('\n')) {
    const at = line.indexOf(separator);
    const key = line.slice(0, Math.max(0, at)).trim();
    if (key !== '' && !values.has(key)) values.set(key, line.slice(at + 1).trim());
  }
  return values;
}
