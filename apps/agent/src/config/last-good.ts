import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomic } from '@bowline/host';
import { AGENT_STATE_FOLDER } from '@bowline/os-layout';
import type { Machine } from '../machine/machine.ts';

/** Folder of the copies. */
const FOLDER = `${AGENT_STATE_FOLDER}/last-good`;

/** A copy: where it came from, and what stood there when it was last good. */
export interface LastGoodCopy {
  /** Path or URL. */
  source: string;
  /** ISO 8601. */
  savedAt: string;
  text: string;
}

/** Copies of the configurations that could be used, kept for the day on which one cannot. Readable by root only. */
export class LastGoodCopies {
  readonly #machine: Machine;

  constructor(machine: Machine) {
    this.#machine = machine;
  }

  /** The copy of a source. One that is damaged counts as none. */
  async find(source: string): Promise<LastGoodCopy | undefined> {
    const copy = await this.#read(fileName(source));
    return copy?.source === source ? copy : undefined;
  }

  /** Keeps a text; a copy that says the same already is not written again. Throws when the disk does not take it. */
  async keep(source: string, text: string): Promise<void> {
    if ((await this.find(source))?.text === text) return;
    const folder = this.#machine.locate(FOLDER);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const copy: LastGoodCopy = { source, savedAt: this.#machine.clock.now().toISOString(), text };
    await writeFileAtomic(join(folder, fileName(source)), JSON.stringify(copy), 0o600);
  }

  /** Forgets a source that its owner removed. */
  async forget(source: string): Promise<void> {
    await rm(join(this.#machine.locate(FOLDER), fileName(source)), { force: true });
  }

  /** Every copy, by source. */
  async list(): Promise<LastGoodCopy[]> {
    const names = await readdir(this.#machine.locate(FOLDER)).catch(() => []);
    const copies: LastGoodCopy[] = [];
    for (const name of names.filter((candidate) => candidate.endsWith('.json')).toSorted()) {
      const copy = await this.#read(name);
      if (copy !== undefined) copies.push(copy);
    }
    return copies.toSorted((a, b) => (a.source < b.source ? -1 : 1));
  }

  async #read(name: string): Promise<LastGoodCopy | undefined> {
    try {
      const copy: unknown = JSON.parse(await readFile(join(this.#machine.locate(FOLDER), name), 'utf8'));
      return isCopy(copy) ? copy : undefined;
    } catch {
      return undefined;
    }
  }
}

function isCopy(value: unknown): value is LastGoodCopy {
  if (typeof value !== 'object' || value === null) return false;
  const { source, savedAt, text } = value as Record<string, unknown>;
  return typeof source === 'string' && typeof savedAt === 'string' && typeof text === 'string';
}

function fileName(source: string): string {
  return `${createHash('sha256').update(source).digest('hex')}.json`;
}
