import { FormatsError } from '../error.ts';
import type { RandomRead } from '../volume.ts';
import { type PeSectionInfo, parsePe } from './image.ts';
import { groupSections } from './uki.ts';

const SECTOR_BYTES = 512;
/** Headers of a UKI take less than 4 KiB. */
const HEAD_BYTES = 64 * 1024;
const MAX_COMMAND_LINE_BYTES = 64 * 1024;

/** Where a part of a UKI lies in its file, in sectors of 512 bytes. */
export interface UkiPlace {
  start: number;
  count: number;
}

/** What a boot loader that reads files by sectors needs to start a UKI's kernel. */
export interface UkiPlaces {
  kernel: UkiPlace;
  initrd: UkiPlace;
  /** Kernel command line of each profile; one only when the UKI has none. */
  commandLines: string[];
}

/**
 * Finds kernel and initrd in a UKI without reading them.
 *
 * @throws FormatsError those of parsePe; `FORMAT_INVALID` when a part is missing or does not begin at a sector.
 */
export async function readUkiPlaces(read: RandomRead, fileBytes: number): Promise<UkiPlaces> {
  const head = await read(0, Math.min(HEAD_BYTES, fileBytes));
  const { base, profiles } = groupSections(parsePe(head, fileBytes).sections);
  const text = async (sections: readonly PeSectionInfo[]): Promise<string | undefined> => {
    const section = sections.find(({ name }) => name === '.cmdline');
    if (section === undefined) return undefined;
    const length = Math.min(section.virtualSize, section.storedSize, MAX_COMMAND_LINE_BYTES);
    const bytes = new TextDecoder().decode(await read(section.fileOffset, length));
    const end = bytes.indexOf('\0');
    return (end < 0 ? bytes : bytes.slice(0, end)).trim();
  };
  const common = (await text(base)) ?? '';
  const commandLines: string[] = [];
  for (const sections of profiles) commandLines.push((await text(sections)) ?? common);
  return {
    kernel: placeOf(base, '.linux'),
    initrd: placeOf(base, '.initrd'),
    commandLines: commandLines.length === 0 ? [common] : commandLines,
  };
}

function placeOf(sections: readonly PeSectionInfo[], name: string): UkiPlace {
  const section = sections.find((one) => one.name === name);
  if (section === undefined || section.storedSize === 0) {
    throw new FormatsError({ code: 'FORMAT_INVALID', message: `UKI: it has no section ${name}` });
  }
  if (section.fileOffset % SECTOR_BYTES !== 0) {
    throw new FormatsError({
      code: 'FORMAT_INVALID',
      message: `UKI: ${name} begins at byte ${section.fileOffset}, which is in the middle of a sector`,
      hint: 'GRUB reads files by sectors; build the UKI with a file alignment of 512.',
    });
  }
  return { start: section.fileOffset / SECTOR_BYTES, count: Math.ceil(section.storedSize / SECTOR_BYTES) };
}
