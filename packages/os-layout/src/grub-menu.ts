import { type BootEntry, type BootTries, bootEntryId, parseBootEntryName, ukiPath } from './boot-entry.ts';
import { orderOfStart } from './boot-order.ts';
import { OsLayoutError } from './error.ts';

/** Size of each of the two menu files; they never change it, so that the file system's own tables stay as they are. */
export const GRUB_MENU_BYTES = 16_384;

/** Where a part of a UKI lies in its file, in sectors of 512 bytes: what GRUB's block lists take. */
export interface SectorRun {
  start: number;
  count: number;
}

/** An entry of GRUB's menu: it needs to be told where kernel and initrd are, and what the kernel gets to read. */
export interface GrubEntry extends BootEntry {
  /** `trial` is counted by the environment block. */
  state: 'good' | 'trial' | 'bad';
  kernel: SectorRun;
  initrd: SectorRun;
  /** Kernel command line of the entry's profile. */
  commandLine: string;
}

const LINE =
  /^version (bowline-\w+) (good|trial|bad) (\d{1,3}) ([0-9a-f]{64}) (\d{1,10})\+(\d{1,10}) (\d{1,10})\+(\d{1,10}) '([^']*)' '((?:[^']|'\\'')*)'$/;

/** `tries` of an entry as far as the menu knows; GRUB's environment block has the rest. */
export function menuTries(state: GrubEntry['state']): BootTries {
  if (state === 'good') return 'good';
  return { left: state === 'bad' ? 0 : 1, done: 0 };
}

/**
 * The menu as GRUB's script reads it: one call of its function `version` for each entry, in the order of their start;
 * filled up with blank lines to its fixed size.
 *
 * @throws OsLayoutError `SIZE_INVALID` when there are too many, `ARGUMENT_INVALID` for a command line of several lines.
 */
export function encodeGrubMenu(entries: readonly GrubEntry[]): Uint8Array {
  const ordered = orderOfStart(entries.map((entry) => ({ ...entry, tries: menuTries(entry.state) })));
  const bytes = new TextEncoder().encode(ordered.map((entry) => `${line(entry)}\n`).join(''));
  if (bytes.length > GRUB_MENU_BYTES) {
    throw new OsLayoutError({
      code: 'SIZE_INVALID',
      message: `a GRUB menu of ${entries.length} entries has ${bytes.length} bytes, more than ${GRUB_MENU_BYTES}`,
    });
  }
  const block = new Uint8Array(GRUB_MENU_BYTES).fill(0x0a);
  block.set(bytes);
  return block;
}

/** Reads a menu back; lines that are none of ours are left out. */
export function parseGrubMenu(menu: Uint8Array): GrubEntry[] {
  const entries: GrubEntry[] = [];
  for (const text of new TextDecoder('latin1').decode(menu.subarray(0, GRUB_MENU_BYTES)).split('\n')) {
    const found = LINE.exec(text);
    const generation = parseBootEntryName(`${found?.[1] ?? ''}.conf`)?.generation;
    if (found === null || generation === undefined) continue;
    const number = (index: number): number => Number(found[index]);
    const profile = number(3);
    entries.push({
      generation,
      state: found[2] as GrubEntry['state'],
      ...(profile === 0 ? {} : { profile }),
      ukiDigest: `sha256:${found[4]}`,
      kernel: { start: number(5), count: number(6) },
      initrd: { start: number(7), count: number(8) },
      title: found[9] ?? '',
      commandLine: (found[10] ?? '').replaceAll(String.raw`'\''`, "'"),
    });
  }
  return entries;
}

function line(entry: GrubEntry): string {
  const { kernel, initrd } = entry;
  const title = entry.title.replaceAll(/[^\x20-\x7e]|'/g, '?').trim();
  if (!/^[\x20-\x7e]*$/.test(entry.commandLine)) {
    throw new OsLayoutError({ code: 'ARGUMENT_INVALID', message: 'a kernel command line is not printable ASCII' });
  }
  const hex = ukiPath(entry.ukiDigest).slice('EFI/bowline/'.length, -'.efi'.length);
  const quoted = entry.commandLine.replaceAll("'", String.raw`'\''`);
  const runs = `${kernel.start}+${kernel.count} ${initrd.start}+${initrd.count}`;
  return `version ${bootEntryId(entry.generation)} ${entry.state} ${entry.profile ?? 0} ${hex} ${runs} '${title}' '${quoted}'`;
}
