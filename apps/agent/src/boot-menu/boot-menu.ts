import type { BootEntry, BootTries, EntryKey } from '@bowline/os-layout';

/** A version, or the recovery, that this machine can start. */
export interface MenuEntry extends BootEntry {
  /** `good`, or the starts it has left: none means that it is bad. */
  tries: BootTries;
}

/** How the running system was chosen. */
export interface StartedAs {
  /**
   * The entry the boot loader picked. With `recoveryByFirmware` it is the one whose image the firmware refused. undefined:
   * nobody knows, or it is gone.
   */
  entry: MenuEntry | undefined;
  /** True when the recovery runs and no boot menu chose it: the firmware went on to its second boot variable. */
  recoveryByFirmware: boolean;
}

/** An entry that is all there but for the one write that makes it count. */
export interface PreparedEntry {
  commit: () => Promise<void>;
}

/**
 * The versions a machine can start, and the order in which it tries them. Everything is durable on return. The menu is
 * for one user at a time; see {@link withBootMenu}. Methods throw AgentError NO_BOOT_ENTRY for a generation that is not
 * there, NO_SPACE and WRITE_FAILED.
 */
export interface BootMenu {
  readonly firmware: 'uefi' | 'bios';
  /** All entries whose UKI is there, in the order in which the machine would start them. */
  list(): Promise<MenuEntry[]>;
  started(): Promise<StartedAs>;
  /** Takes an entry out, whatever its counter says. Its UKI stays: see {@link BootMenu.dropUnusedUkis}. */
  remove(generation: EntryKey): Promise<void>;
  /**
   * Puts a UKI on the ESP under its digest, and reads it back from the disk. One that is there and whole is left alone.
   * AgentError WRITE_FAILED when the bytes that came, or those on the disk, have another digest.
   */
  addUki(digest: string, bytes: () => AsyncIterable<Uint8Array>, sizeBytes: number): Promise<void>;
  /**
   * Does everything for an entry but the one write that makes it count. The UKI must be there. `commit` is that write: of
   * one sector, so it is done or not done. The recovery replaces the one before.
   */
  prepare(entry: MenuEntry): Promise<PreparedEntry>;
  /** The version has proved itself: it is no longer counted. */
  bless(generation: number): Promise<void>;
  /** The version is tried only when nothing else starts. */
  markBad(generation: number): Promise<void>;
  /** The next start is of this entry; the ones after it as if nothing had been. */
  chooseOnce(generation: EntryKey): Promise<void>;
  /** Removes UKIs no entry names, and what an interrupted write left. Returns their digests. */
  dropUnusedUkis(): Promise<string[]>;
  /** Room for another UKI, in bytes. */
  freeBytes(): Promise<number>;
}

/** Entries in the order of their start, of which the boot loader could start none twice. */
export function findEntry(entries: readonly MenuEntry[], generation: EntryKey): MenuEntry | undefined {
  return entries.find((entry) => entry.generation === generation);
}
