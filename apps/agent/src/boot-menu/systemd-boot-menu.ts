import { encodeUtf16 } from '@bowline/formats';
import { BOOT_TRIES, bootEntryId, type EntryKey } from '@bowline/os-layout';
import type { Machine } from '../machine/machine.ts';
import { type BootMenu, findEntry, type MenuEntry, type PreparedEntry, type StartedAs } from './boot-menu.ts';
import { EfiVariables, LOADER_GUID } from './efi-variables.ts';
import { EntryFiles } from './entry-files.ts';
import { mirrorToGrub } from './grub-mirror.ts';
import { explainWrites, noEntry } from './menu-error.ts';
import { readBootConf, startedAs } from './started-as.ts';
import { UkiFiles } from './uki-files.ts';

/** The menu of systemd-boot: a file for each entry on the ESP, with the counter in its name. */
export class SystemdBootMenu implements BootMenu {
  readonly firmware = 'uefi';
  readonly #machine: Machine;
  readonly #esp: string;
  readonly #entries: EntryFiles;
  readonly #ukis: UkiFiles;

  constructor(machine: Machine, esp: string) {
    this.#machine = machine;
    this.#esp = esp;
    this.#entries = new EntryFiles(esp);
    this.#ukis = new UkiFiles(esp, machine);
  }

  list(): Promise<MenuEntry[]> {
    return this.#entries.list();
  }

  async started(): Promise<StartedAs> {
    return startedAs(await readBootConf(this.#machine), await this.list());
  }

  remove(generation: EntryKey): Promise<void> {
    return this.#change(() => this.#entries.remove(generation));
  }

  addUki(digest: string, bytes: () => AsyncIterable<Uint8Array>, sizeBytes: number): Promise<void> {
    return this.#ukis.add(digest, bytes, sizeBytes);
  }

  async prepare(entry: MenuEntry): Promise<PreparedEntry> {
    if (!(await this.#ukis.has(entry.ukiDigest))) throw noEntry(entry.generation, 'its UKI is not on the ESP');
    const fill = await explainWrites('loader/entries', () => this.#entries.prepare(entry));
    return { commit: () => this.#change(fill) };
  }

  bless(generation: number): Promise<void> {
    return this.#change(() => this.#entries.recount(generation, 'good'));
  }

  markBad(generation: number): Promise<void> {
    return this.#change(() => this.#entries.recount(generation, { left: 0, done: BOOT_TRIES }));
  }

  async chooseOnce(generation: EntryKey): Promise<void> {
    if (findEntry(await this.list(), generation) === undefined) throw noEntry(generation);
    const id = encodeUtf16(`${bootEntryId(generation)}.conf`);
    const variables = new EfiVariables(this.#machine);
    await explainWrites('the EFI variable LoaderEntryOneShot', () =>
      variables.write('LoaderEntryOneShot', LOADER_GUID, id),
    );
  }

  async dropUnusedUkis(): Promise<string[]> {
    await this.#entries.removeBlank();
    return this.#ukis.keepOnly(await this.#entries.namedUkis());
  }

  freeBytes(): Promise<number> {
    return this.#ukis.freeBytes();
  }

  async #change(work: () => Promise<void>): Promise<void> {
    await explainWrites('loader/entries', work);
    await mirrorToGrub(this.#esp, await this.list());
  }
}
