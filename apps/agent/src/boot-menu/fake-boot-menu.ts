import { createHash } from 'node:crypto';
import { BOOT_TRIES, type EntryKey, orderOfStart } from '@bowline/os-layout';
import { AgentError } from '../error.ts';
import { type BootMenu, findEntry, type MenuEntry, type PreparedEntry, type StartedAs } from './boot-menu.ts';
import { noEntry } from './menu-error.ts';

/** A boot menu in memory. */
export class FakeBootMenu implements BootMenu {
  readonly firmware: 'uefi' | 'bios';
  /** What a machine would find; tests may set it. */
  entries: MenuEntry[] = [];
  startedAs: StartedAs = { entry: undefined, recoveryByFirmware: false };
  once: EntryKey | undefined;
  readonly ukis = new Map<string, number>();
  capacityBytes = 2 ** 30;

  constructor(firmware: 'uefi' | 'bios' = 'uefi') {
    this.firmware = firmware;
  }

  list(): Promise<MenuEntry[]> {
    return Promise.resolve(orderOfStart(this.entries.filter(({ ukiDigest }) => this.ukis.has(ukiDigest))));
  }

  started(): Promise<StartedAs> {
    return Promise.resolve(this.startedAs);
  }

  async remove(generation: EntryKey): Promise<void> {
    this.#require(generation);
    this.entries = this.entries.filter((entry) => entry.generation !== generation);
  }

  async addUki(digest: string, bytes: () => AsyncIterable<Uint8Array>, sizeBytes: number): Promise<void> {
    if (this.ukis.has(digest)) return;
    if (sizeBytes > (await this.freeBytes())) throw new AgentError({ code: 'NO_SPACE', message: 'the ESP is full' });
    const hash = createHash('sha256');
    for await (const chunk of bytes()) hash.update(chunk);
    if (`sha256:${hash.digest('hex')}` !== digest) {
      throw new AgentError({ code: 'WRITE_FAILED', message: `the UKI is not ${digest}` });
    }
    this.ukis.set(digest, sizeBytes);
  }

  async prepare(entry: MenuEntry): Promise<PreparedEntry> {
    if (!this.ukis.has(entry.ukiDigest)) throw noEntry(entry.generation, 'its UKI is not on the ESP');
    return {
      commit: async () => {
        this.entries = [...this.entries.filter((one) => one.generation !== entry.generation), entry];
      },
    };
  }

  async bless(generation: number): Promise<void> {
    this.#require(generation).tries = 'good';
  }

  async markBad(generation: number): Promise<void> {
    this.#require(generation).tries = { left: 0, done: BOOT_TRIES };
  }

  async chooseOnce(generation: EntryKey): Promise<void> {
    this.#require(generation);
    this.once = generation;
  }

  async dropUnusedUkis(): Promise<string[]> {
    const used = new Set(this.entries.map((entry) => entry.ukiDigest));
    const unused = [...this.ukis.keys()].filter((digest) => !used.has(digest));
    for (const digest of unused) this.ukis.delete(digest);
    return unused.toSorted();
  }

  freeBytes(): Promise<number> {
    const used = [...this.ukis.values()].reduce((sum, size) => sum + size, 0);
    return Promise.resolve(this.capacityBytes - used);
  }

  #require(generation: EntryKey): MenuEntry {
    const entry = findEntry(this.entries, generation);
    if (entry === undefined) throw noEntry(generation);
    return entry;
  }
}
