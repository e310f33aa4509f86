import { OsLayoutError } from './error.ts';

/** Starts a new entry gets before it counts as bad (Automatic Boot Assessment, UAPI Boot Loader Specification). */
export const BOOT_TRIES = 3;

/** Where systemd-boot reads its entries from; relative to the ESP. */
export const ENTRY_FOLDER = 'loader/entries';

/** One version of the system that the boot loader can start. */
export interface BootEntry {
  /** Grows with every version written to a machine; the highest good one starts. */
  generation: number;
  /** Shown in the menu. */
  title: string;
  /** sha256 of the UKI, `sha256:` and hex digits. */
  ukiDigest: string;
  /** Number of the UKI's profile to start (systemd-stub(7), `@N`); its first unless given. */
  profile?: number;
}

/** Path of a UKI on the ESP: named by content, so that it is never overwritten and entries may share it. */
export function ukiPath(ukiDigest: string): string {
  const hex = /^sha256:([0-9a-f]{64})$/.exec(ukiDigest)?.[1];
  if (hex !== undefined) return `EFI/bowline/${hex}.efi`;
  throw new OsLayoutError({
    code: 'NAME_INVALID',
    message: `${JSON.stringify(ukiDigest.slice(0, 80))} is not the sha256 digest of a UKI`,
  });
}

/**
 * File name of a boot entry. `tries`: starts left, or `good` once it has proved itself and is no longer counted.
 *
 * @throws OsLayoutError `NAME_INVALID` for a generation that is no positive integer.
 */
export function bootEntryName(generation: number, tries: number | 'good' = BOOT_TRIES): string {
  checkGeneration(generation);
  return `bowline-${generation}${tries === 'good' ? '' : `+${tries}`}.conf`;
}

/**
 * Text of a Type #1 boot entry (Boot Loader Specification). One sort key for all, so the version, which is the
 * generation, decides: a downgrade or another bowl is a new generation too.
 *
 * @throws OsLayoutError `NAME_INVALID`
 */
export function bootEntryText(entry: BootEntry): string {
  checkGeneration(entry.generation);
  const title = entry.title.replaceAll(/[^\x20-\x7e]/g, '?').trim();
  return [
    `title ${title}`,
    `version ${entry.generation}`,
    'sort-key bowline',
    `efi /${ukiPath(entry.ukiDigest)}`,
    ...(entry.profile === undefined ? [] : [`options @${entry.profile}`]),
    '',
  ].join('\n');
}

/** `loader/loader.conf`: start at once, no editing of the command line at the console. */
export function loaderConfigText(): string {
  return ['timeout 0', 'editor no', 'auto-entries no', 'auto-firmware no', ''].join('\n');
}

function checkGeneration(generation: number): void {
  if (Number.isSafeInteger(generation) && generation > 0) return;
  throw new OsLayoutError({ code: 'NAME_INVALID', message: `${generation} is not a generation: 1, 2, 3 ...` });
}
