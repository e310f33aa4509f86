import {
  BOOT_TRIES,
  type BootTries,
  bootEntryId,
  type EntryKey,
  type GrubEntry,
  type GrubEnvironment,
  orderOfStart,
} from '@bowline/os-layout';
import type { Machine } from '../machine/machine.ts';
import { type BootMenu, findEntry, type MenuEntry, type PreparedEntry, type StartedAs } from './boot-menu.ts';
import { EntryFiles } from './entry-files.ts';
import { GrubFiles } from './grub-files.ts';
import { explainWrites, noEntry } from './menu-error.ts';
import { readBootConf, startedAs } from './started-as.ts';
import { UkiFiles } from './uki-files.ts';

/**
 * The menu of GRUB on a BIOS machine. GRUB's own files decide; the files of systemd-boot are kept in step, so that the same
 * disk starts the same versions in a UEFI machine.
 */
export class GrubBootMenu implements BootMenu {
  readonly firmware = 'bios';
  readonly #machine: Machine;
  readonly #grub: GrubFiles;
  readonly #entries: EntryFiles;
  readonly #ukis: UkiFiles;

  constructor(machine: Machine, esp: string) {
    this.#machine = machine;
    this.#grub = new GrubFiles(esp);
    this.#entries = new EntryFiles(esp);
    this.#ukis = new UkiFiles(esp, machine);
  }

  async list(): Promise<MenuEntry[]> {
    const environment = await this.#grub.environment();
    const entries: MenuEntry[] = [];
    for (const found of await this.#grub.menu()) {
      if (!(await this.#ukis.has(found.ukiDigest))) continue;
      const { generation, title, ukiDigest, profile } = found;
      const tries = triesOf(found, environment);
      entries.push({ generation, title, ukiDigest, tries, ...(profile === undefined ? {} : { profile }) });
    }
    return orderOfStart(entries);
  }

  async started(): Promise<StartedAs> {
    return startedAs(await readBootConf(this.#machine), await this.list());
  }

  async remove(generation: EntryKey): Promise<void> {
    await this.#change(generation, () => undefined);
    await explainWrites('loader/entries', () => this.#entries.remove(generation)).catch(() => undefined);
  }

  addUki(digest: string, bytes: () => AsyncIterable<Uint8Array>, sizeBytes: number): Promise<void> {
    return this.#ukis.add(digest, bytes, sizeBytes);
  }

  async prepare(entry: MenuEntry): Promise<PreparedEntry> {
    if (!(await this.#ukis.has(entry.ukiDigest))) throw noEntry(entry.generation, 'its UKI is not on the ESP');
    return explainWrites('bowline/grub', async () => {
      const described = await this.#grub.describe(entry);
      const others = (await this.#settledMenu()).filter((one) => one.generation !== entry.generation);
      // The counter is there before the entry: GRUB starts nothing on trial without one.
      if (entry.tries !== 'good') {
        const { once, bad } = await this.#grub.environment();
        const trial = bootEntryId(entry.generation);
        await this.#grub.writeEnvironment({ trial, tries: entry.tries.left, once, bad });
      }
      const choose = await this.#grub.prepare([...others, described]);
      const fill = await this.#entries.prepare(entry);
      return {
        commit: () =>
          explainWrites('bowline/grub', async () => {
            await fill();
            await choose();
          }),
      };
    });
  }

  bless(generation: number): Promise<void> {
    return this.#recount(generation, 'good', 'good');
  }

  markBad(generation: number): Promise<void> {
    return this.#recount(generation, 'bad', { left: 0, done: BOOT_TRIES });
  }

  async chooseOnce(generation: EntryKey): Promise<void> {
    if (findEntry(await this.list(), generation) === undefined) throw noEntry(generation);
    await explainWrites('bowline/grub', async () => {
      await this.#grub.writeEnvironment({ ...(await this.#grub.environment()), once: bootEntryId(generation) });
    });
  }

  async dropUnusedUkis(): Promise<string[]> {
    await this.#entries.removeBlank();
    const named = (await this.#grub.menu()).map((entry) => entry.ukiDigest);
    return this.#ukis.keepOnly(new Set([...named, ...(await this.#entries.namedUkis())]));
  }

  freeBytes(): Promise<number> {
    return this.#ukis.freeBytes();
  }

  async #recount(generation: number, state: GrubEntry['state'], tries: BootTries): Promise<void> {
    await this.#change(generation, (entry) => ({ ...entry, state }));
    // A menu whose entry files were lost still holds.
    await explainWrites('loader/entries', () => this.#entries.recount(generation, tries)).catch(() => undefined);
  }

  /** Writes the menu with one entry changed or without it, then forgets counters of what is on trial no longer. */
  async #change(generation: EntryKey, change: (entry: GrubEntry) => GrubEntry | undefined): Promise<void> {
    await explainWrites('bowline/grub', async () => {
      const menu = await this.#settledMenu();
      if (!menu.some((entry) => entry.generation === generation)) throw noEntry(generation);
      const next = menu.flatMap((entry) => (entry.generation === generation ? (change(entry) ?? []) : entry));
      await this.#grub.write(next);
      const { once, trial, tries } = await this.#grub.environment();
      const onTrial = next.some((entry) => entry.state === 'trial' && bootEntryId(entry.generation) === trial);
      await this.#grub.writeEnvironment({ once, ...(onTrial ? { trial, tries } : {}) });
    });
  }

  /** The menu with what only the environment block said so far: an entry the initrd gave up. */
  async #settledMenu(): Promise<GrubEntry[]> {
    const { bad } = await this.#grub.environment();
    return (await this.#grub.menu()).map((entry) =>
      bootEntryId(entry.generation) === bad ? { ...entry, state: 'bad' as const } : entry,
    );
  }
}

function triesOf(entry: GrubEntry, environment: GrubEnvironment): BootTries {
  const id = bootEntryId(entry.generation);
  if (entry.state === 'bad' || environment.bad === id) return { left: 0, done: BOOT_TRIES };
  if (entry.state === 'good') return 'good';
  const left = environment.trial === id ? (environment.tries ?? 0) : 0;
  return { left, done: Math.max(BOOT_TRIES - left, 0) };
}
