import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type BootTries,
  bootEntryName,
  bootEntryText,
  ENTRY_FOLDER,
  type EntryKey,
  ESP_RECORD_BYTES,
  espRecord,
  orderOfStart,
  parseBootEntryName,
  parseBootEntryText,
  ukiPath,
} from '@bowline/os-layout';
import type { MenuEntry } from './boot-menu.ts';
import { noEntry } from './menu-error.ts';
import { fillInPlace, makeBlank, removeRecord } from './record-file.ts';

const MAX_ENTRY_BYTES = 64 * 1024;
const BLANK = espRecord('');

interface EntryFile extends MenuEntry {
  name: string;
}

/** The boot entries on a mounted ESP, as systemd-boot reads them. */
export class EntryFiles {
  readonly #esp: string;
  readonly #folder: string;

  constructor(esp: string) {
    this.#esp = esp;
    this.#folder = join(esp, ENTRY_FOLDER);
  }

  /** Entries that could be loaded, in the order of their start. Of two files for one version, the one that comes first. */
  async list(): Promise<MenuEntry[]> {
    const loadable: EntryFile[] = [];
    for (const file of await this.#read()) {
      if (await isFile(join(this.#esp, ukiPath(file.ukiDigest)))) loadable.push(file);
    }
    const seen = new Set<EntryKey>();
    return orderOfStart(loadable).flatMap(({ name: _name, ...entry }) => {
      if (seen.has(entry.generation)) return [];
      seen.add(entry.generation);
      return [entry];
    });
  }

  /** Digests of the UKIs that any entry names, whether or not they are there. */
  async namedUkis(): Promise<Set<string>> {
    return new Set((await this.#read()).map((file) => file.ukiDigest));
  }

  /** Makes room for an entry; the function that returns fills it, with one write. */
  async prepare(entry: MenuEntry): Promise<() => Promise<void>> {
    const path = join(this.#folder, bootEntryName(entry.generation, entry.tries));
    const record = espRecord(bootEntryText(entry));
    const size = await stat(path).then(
      (stats) => stats.size,
      () => undefined,
    );
    if (size !== ESP_RECORD_BYTES) await makeBlank(path, BLANK);
    return () => fillInPlace(path, record);
  }

  /** Removes all files of a generation. Throws NO_BOOT_ENTRY when there is none. */
  async remove(generation: EntryKey): Promise<void> {
    const names = await this.#namesOf(generation);
    if (names.length === 0) throw noEntry(generation);
    for (const name of names) await removeRecord(join(this.#folder, name), BLANK);
  }

  /** Gives an entry another counter: the new file is whole before the old ones go. Throws NO_BOOT_ENTRY. */
  async recount(generation: number, tries: BootTries): Promise<void> {
    const files = (await this.#read()).filter((file) => file.generation === generation);
    const [first] = orderOfStart(files);
    if (first === undefined) throw noEntry(generation);
    const name = bootEntryName(generation, tries);
    if (!files.some((file) => file.name === name)) await (await this.prepare({ ...first, tries }))();
    for (const other of await this.#namesOf(generation)) {
      if (other !== name) await removeRecord(join(this.#folder, other), BLANK);
    }
  }

  /** Removes entries that were prepared and never committed. */
  async removeBlank(): Promise<void> {
    for (const name of await readdir(this.#folder).catch(() => [])) {
      if (parseBootEntryName(name) === undefined) continue;
      const path = join(this.#folder, name);
      const text = await readText(path);
      if (text !== undefined && text.trim() === '') await removeRecord(path, BLANK);
    }
  }

  async #namesOf(generation: EntryKey): Promise<string[]> {
    const names = await readdir(this.#folder).catch(() => []);
    return names.filter((name) => parseBootEntryName(name)?.generation === generation).toSorted();
  }

  async #read(): Promise<EntryFile[]> {
    const files: EntryFile[] = [];
    for (const name of await readdir(this.#folder).catch(() => [])) {
      const found = parseBootEntryName(name);
      const text = found && (await readText(join(this.#folder, name)));
      const entry = text === undefined ? undefined : parseBootEntryText(text);
      // systemd-boot sorts by what the text says; a file where name and text differ is not ours.
      if (found !== undefined && entry !== undefined && entry.generation === found.generation) {
        files.push({ ...entry, tries: found.tries, name });
      }
    }
    return files;
  }
}

async function readText(path: string): Promise<string | undefined> {
  try {
    const { size } = await stat(path);
    return size > MAX_ENTRY_BYTES ? undefined : await readFile(path, 'utf8');
  } catch {
    return undefined;
  }
}

function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (stats) => stats.isFile(),
    () => false,
  );
}
