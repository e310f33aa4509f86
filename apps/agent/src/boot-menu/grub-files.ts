import { open, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { readUkiPlaces } from '@bowline/formats';
import {
  ESP_FILES,
  ESP_RECORD_BYTES,
  encodeGrubEnvironment,
  encodeGrubMenu,
  espRecord,
  GRUB_ENVIRONMENT_BYTES,
  GRUB_MENU_BYTES,
  type GrubEntry,
  type GrubEnvironment,
  isBad,
  parseGrubEnvironment,
  parseGrubMenu,
  ukiPath,
} from '@bowline/os-layout';
import type { MenuEntry } from './boot-menu.ts';
import { noEntry } from './menu-error.ts';
import { fillInPlace, makeBlank } from './record-file.ts';

const MENUS = { a: ESP_FILES.grubMenuA, b: ESP_FILES.grubMenuB } as const;
type MenuName = keyof typeof MENUS;

/**
 * What GRUB reads on the ESP: two menus, one sector that says which of them holds, and the block with the counters. All are
 * written in place.
 */
export class GrubFiles {
  readonly #esp: string;

  constructor(esp: string) {
    this.#esp = esp;
  }

  /** False where GRUB was never put on this ESP. */
  async exist(): Promise<boolean> {
    return (await sizeOf(join(this.#esp, ESP_FILES.grubMenu))) !== undefined;
  }

  async menu(): Promise<GrubEntry[]> {
    return parseGrubMenu(await readOr(join(this.#esp, MENUS[await this.#active()])));
  }

  async environment(): Promise<GrubEnvironment> {
    return parseGrubEnvironment(await readOr(join(this.#esp, ESP_FILES.grubEnvironment)));
  }

  async writeEnvironment(environment: GrubEnvironment): Promise<void> {
    const path = join(this.#esp, ESP_FILES.grubEnvironment);
    if ((await sizeOf(path)) !== GRUB_ENVIRONMENT_BYTES) await makeBlank(path, encodeGrubEnvironment({}));
    await fillInPlace(path, encodeGrubEnvironment(environment));
  }

  /** Writes the menu that does not hold; the function that returns makes it the one that does, with one write. */
  async prepare(entries: readonly GrubEntry[]): Promise<() => Promise<void>> {
    const next: MenuName = (await this.#active()) === 'a' ? 'b' : 'a';
    const path = join(this.#esp, MENUS[next]);
    const bytes = encodeGrubMenu(entries);
    if ((await sizeOf(path)) !== GRUB_MENU_BYTES) await makeBlank(path, encodeGrubMenu([]));
    await fillInPlace(path, bytes);
    const pointer = join(this.#esp, ESP_FILES.grubMenu);
    if ((await sizeOf(pointer)) !== ESP_RECORD_BYTES)
      await makeBlank(pointer, espRecord(`menu=${next === 'a' ? 'b' : 'a'}\n`));
    return () => fillInPlace(pointer, espRecord(`menu=${next}\n`));
  }

  async write(entries: readonly GrubEntry[]): Promise<void> {
    await (await this.prepare(entries))();
  }

  /** What GRUB has to know of an entry. Throws NO_BOOT_ENTRY when its UKI is not one that it can start. */
  async describe(entry: MenuEntry): Promise<GrubEntry> {
    const { tries, ...rest } = entry;
    const handle = await open(join(this.#esp, ukiPath(entry.ukiDigest)), 'r');
    try {
      const { size } = await handle.stat();
      const places = await readUkiPlaces(async (offset, length) => {
        const bytes = new Uint8Array(length);
        const { bytesRead } = await handle.read(bytes, 0, length, offset);
        return bytes.subarray(0, bytesRead);
      }, size);
      const commandLine = places.commandLines[entry.profile ?? 0];
      if (commandLine === undefined) throw noEntry(entry.generation, `its UKI has no profile ${entry.profile}`);
      const state = isBad({ tries }) ? 'bad' : tries === 'good' ? 'good' : 'trial';
      return { ...rest, state, kernel: places.kernel, initrd: places.initrd, commandLine };
    } finally {
      await handle.close();
    }
  }

  /** As GRUB's script reads it: `a` unless it says otherwise. */
  async #active(): Promise<MenuName> {
    const text = new TextDecoder('latin1').decode(await readOr(join(this.#esp, ESP_FILES.grubMenu)));
    return text.startsWith('menu=b\n') ? 'b' : 'a';
  }
}

async function readOr(path: string): Promise<Uint8Array> {
  return (await sizeOf(path)) === undefined ? new Uint8Array() : new Uint8Array(await readFile(path));
}

/** undefined for what is no file, or larger than any of ours. */
async function sizeOf(path: string): Promise<number | undefined> {
  const stats = await stat(path).catch(() => undefined);
  return stats?.isFile() && stats.size <= GRUB_MENU_BYTES ? stats.size : undefined;
}
