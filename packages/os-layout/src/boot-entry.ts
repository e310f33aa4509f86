import { OsLayoutError } from './error.ts';

/** Starts a new entry gets before it counts as bad (Automatic Boot Assessment, UAPI Boot Loader Specification). */
export const BOOT_TRIES = 3;

/** Where systemd-boot reads its entries from; relative to the ESP. */
export const ENTRY_FOLDER = 'loader/entries';

/**
 * Size of the small files of the ESP that decide what starts. They are created full of blank lines and then filled in
 * place: one sector is written whole or not at all, and FAT's own tables do not change with it.
 */
export const ESP_RECORD_BYTES = 512;

/** What an entry starts: a version by its generation, or the recovery system. */
export type EntryKey = number | 'recovery';

/** Starts of an entry: `good` once it has proved itself and is no longer counted; bad when none are left. */
export type BootTries = 'good' | { left: number; done: number };

/** One version of the system that the boot loader can start. */
export interface BootEntry {
  /** Grows with every version written to a machine; the highest good one starts. */
  generation: EntryKey;
  /** Shown in the menu. */
  title: string;
  /** sha256 of the UKI, `sha256:` and hex digits. */
  ukiDigest: string;
  /** Number of the UKI's profile to start (systemd-stub(7), `@N`); its first unless given. */
  profile?: number;
}

const TITLE_LENGTH = 120;
const DIGEST = /^sha256:([0-9a-f]{64})$/;
// systemd-boot counts no further than an int.
const NAME = /^(bowline-([1-9]\d{0,14}|recovery))(?:\+(\d{1,9})(?:-(\d{1,9}))?)?\.conf$/;

/** Path of a UKI on the ESP: named by content, so that it is never overwritten and entries may share it. */
export function ukiPath(ukiDigest: string): string {
  const hex = DIGEST.exec(ukiDigest)?.[1];
  if (hex !== undefined) return `EFI/bowline/${hex}.efi`;
  throw invalid(`${JSON.stringify(ukiDigest.slice(0, 80))} is not the sha256 digest of a UKI`);
}

/** Digest of the UKI at a path of the ESP, with or without a slash in front; undefined for another file. */
export function ukiDigestOf(path: string): string | undefined {
  const hex = /^\/?EFI\/bowline\/([0-9a-f]{64})\.efi$/i.exec(path)?.[1];
  return hex === undefined ? undefined : `sha256:${hex.toLowerCase()}`;
}

/**
 * What an entry is called whatever its counter says: `bowline-7`, `bowline-recovery`. With `.conf` behind it is the name
 * that systemd-boot uses in its EFI variables.
 *
 * @throws OsLayoutError `NAME_INVALID` for a generation that is no positive integer.
 */
export function bootEntryId(generation: EntryKey): string {
  if (generation !== 'recovery') checkGeneration(generation);
  return `bowline-${generation}`;
}

/**
 * File name of a boot entry. `tries`: starts left (and done), or `good` once it has proved itself and is no longer counted.
 *
 * @throws OsLayoutError `NAME_INVALID` for a generation that is no positive integer.
 */
export function bootEntryName(generation: EntryKey, tries: number | BootTries = BOOT_TRIES): string {
  const { left, done } = typeof tries === 'object' ? tries : { left: tries, done: 0 };
  const counter = left === 'good' ? '' : `+${left}${done === 0 ? '' : `-${done}`}`;
  return `${bootEntryId(generation)}${counter}.conf`;
}

/** What the name of an entry says, as systemd-boot reads it; undefined when the file is none of ours. */
export function parseBootEntryName(name: string): { generation: EntryKey; tries: BootTries } | undefined {
  const [, , key, left, done] = NAME.exec(name) ?? [];
  if (key === undefined) return undefined;
  return {
    generation: key === 'recovery' ? key : Number(key),
    tries: left === undefined ? 'good' : { left: Number(left), done: Number(done ?? '0') },
  };
}

/**
 * Text of a Type #1 boot entry (Boot Loader Specification). One sort key for all versions, so the version, which is the
 * generation, decides: a downgrade or another bowl is a new generation too. The recovery sorts after all of them.
 *
 * @throws OsLayoutError `NAME_INVALID`
 */
export function bootEntryText(entry: BootEntry): string {
  const id = bootEntryId(entry.generation);
  const title = entry.title
    .replaceAll(/[^\x20-\x7e]/g, '?')
    .trim()
    .slice(0, TITLE_LENGTH);
  return [
    `title ${title}`,
    ...(entry.generation === 'recovery' ? [`sort-key ${id}`] : [`version ${entry.generation}`, 'sort-key bowline']),
    `efi /${ukiPath(entry.ukiDigest)}`,
    ...(entry.profile === undefined ? [] : [`options @${entry.profile}`]),
    '',
  ].join('\n');
}

/**
 * Reads the text of an entry as {@link bootEntryText} writes it; undefined when systemd-boot would start nothing by it, or
 * something else: empty, torn, or made by another program.
 */
export function parseBootEntryText(text: string): BootEntry | undefined {
  const fields = new Map<string, string>();
  for (const line of text.split('\n')) {
    const [, key, value] = /^([a-z-]+)[ \t]+(.*?)[ \t\r]*$/.exec(line) ?? [];
    if (key !== undefined && value !== undefined) fields.set(key, value);
  }
  const ukiDigest = ukiDigestOf(fields.get('efi') ?? '');
  const [, options] = /^@(\d{1,3})$/.exec(fields.get('options') ?? '') ?? [];
  const version = fields.get('version') ?? '';
  const key = fields.get('sort-key');
  const generation = key === 'bowline-recovery' ? ('recovery' as const) : Number(version);
  if (ukiDigest === undefined || (fields.has('options') && options === undefined)) return undefined;
  if (generation !== 'recovery' && (key !== 'bowline' || !/^[1-9]\d{0,14}$/.test(version))) return undefined;
  return {
    generation,
    title: fields.get('title') ?? '',
    ukiDigest,
    ...(options === undefined ? {} : { profile: Number(options) }),
  };
}

/**
 * A text as the bytes of a file of {@link ESP_RECORD_BYTES}: blank lines fill it up, which systemd-boot and GRUB skip. An
 * empty text gives a record that starts nothing.
 *
 * @throws OsLayoutError `NAME_INVALID` when it does not fit.
 */
export function espRecord(text: string): Uint8Array {
  const bytes = new TextEncoder().encode(text);
  if (bytes.length > ESP_RECORD_BYTES) throw invalid(`a boot entry of ${bytes.length} bytes does not fit one sector`);
  const record = new Uint8Array(ESP_RECORD_BYTES).fill(0x0a);
  record.set(bytes);
  return record;
}

/** `loader/loader.conf`: start at once, no editing of the command line at the console. */
export function loaderConfigText(): string {
  return ['timeout 0', 'editor no', 'auto-entries no', 'auto-firmware no', ''].join('\n');
}

function checkGeneration(generation: number): void {
  if (Number.isSafeInteger(generation) && generation > 0 && generation < 1e15) return;
  throw invalid(`${generation} is not a generation: 1, 2, 3 ...`);
}

function invalid(message: string): OsLayoutError {
  return new OsLayoutError({ code: 'NAME_INVALID', message });
}
