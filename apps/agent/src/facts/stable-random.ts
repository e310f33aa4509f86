import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { writeFileAtomic } from '@bowline/host';
import { AGENT_STATE_FOLDER } from '@bowline/os-layout';
import type { Machine } from '../machine/machine.ts';
import { readFact } from './fact-files.ts';

const FILE = `${AGENT_STATE_FOLDER}/random`;
const LENGTH = 32;
const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567';

/** Values of machines whose state could not be written, by root: at least one process sees one value. */
const unsaved = new Map<string, string>();

/**
 * The random text of this machine: 32 lower-case letters and digits, made once and kept on its state, so that a
 * hostname made of it stays the same. Where state cannot be written it lasts as long as the process.
 */
export async function stableRandom(machine: Machine): Promise<string> {
  const kept = await readFact(machine, FILE);
  if (/^[a-z2-7]{32}$/.test(kept)) return kept;
  const held = unsaved.get(machine.root);
  const made = held ?? Array.from(randomBytes(LENGTH), (byte) => ALPHABET[byte & 31]).join('');
  try {
    const path = machine.locate(FILE);
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await writeFileAtomic(path, `${made}\n`, 0o600);
    unsaved.delete(machine.root);
  } catch {
    unsaved.set(machine.root, made);
  }
  return made;
}
