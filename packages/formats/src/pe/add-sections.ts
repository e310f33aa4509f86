import { alignUp, concatBytes } from '../byte-reader.ts';
import { FormatsError } from '../error.ts';
import { PE_SECTION_HEADER_SIZE, type PeImage, type PeSectionInfo, parsePe } from './image.ts';

/** A section to add. */
export interface PeSection {
  /** At most 8 ASCII characters. */
  name: string;
  data: Uint8Array;
  /** Bytes in memory when more than the data, the rest being zero. */
  virtualSizeBytes?: number;
}

const SECTION_CODE = 0x0000_0020;
const SECTION_INITIALIZED_DATA = 0x0000_0040;
const SECTION_READABLE = 0x4000_0000;

/**
 * Appends sections to an EFI stub as systemd-ukify does: in the order given, each at the next aligned address. A
 * section whose name the stub has already (`.sbat`) replaces that one's content in place, once; a `.profile` ends
 * that, since what follows belongs to a profile. The checksum becomes 0, which means none; signing sets it.
 *
 * @throws FormatsError `FORMAT_INPUT` when the header has no room for more sections, the replaced section is too small,
 *   the stub is signed, or the image passes 4 GiB; those of {@link parsePe} for the stub.
 */
export function addSections(stub: Uint8Array, sections: readonly PeSection[]): Uint8Array<ArrayBuffer> {
  const image = parsePe(stub);
  if (image.certificates) {
    throw new FormatsError({
      code: 'FORMAT_INPUT',
      message: 'the EFI stub is signed, and adding sections would break its signature',
      hint: 'Use the unsigned stub and sign the result.',
    });
  }
  const start = alignUp(stub.length, image.fileAlignment);
  const head = new Uint8Array(start);
  head.set(stub);
  // Symbols are at the end of images that were not stripped; they mean nothing to firmware.
  head.fill(0, image.coffHeaderOffset + 8, image.coffHeaderOffset + 16);

  const appended = replaceExisting(head, image, sections);
  checkRoom(image, appended);
  const parts: Uint8Array[] = [head];
  let fileOffset = start;
  let virtualAddress = alignUp(endOfImage(image.sections), image.sectionAlignment);
  for (const [index, section] of appended.entries()) {
    const { data } = section;
    const storedSize = alignUp(data.length, image.fileAlignment);
    const virtualSize = Math.max(data.length, section.virtualSizeBytes ?? 0);
    writeHeader(head, image.sectionTableOffset + (image.sections.length + index) * PE_SECTION_HEADER_SIZE, {
      name: section.name,
      virtualSize,
      virtualAddress,
      storedSize,
      fileOffset,
      characteristics: SECTION_READABLE | (section.name === '.linux' ? SECTION_CODE : SECTION_INITIALIZED_DATA),
    });
    parts.push(data, new Uint8Array(storedSize - data.length));
    fileOffset += storedSize;
    virtualAddress = alignUp(virtualAddress + virtualSize, image.sectionAlignment);
  }
  if (fileOffset > 0xffffffff || virtualAddress > 0xffffffff) throw refuse('the image would be larger than 4 GiB');
  const view = new DataView(head.buffer);
  const addedBytes = fileOffset - start;
  view.setUint16(image.coffHeaderOffset + 2, image.sections.length + appended.length, true);
  const dataSizeAt = image.optionalHeaderOffset + 8;
  view.setUint32(dataSizeAt, (view.getUint32(dataSizeAt, true) + addedBytes) >>> 0, true);
  view.setUint32(image.optionalHeaderOffset + 56, virtualAddress, true);
  view.setUint32(image.checksumOffset, 0, true);
  return concatBytes(parts);
}

/** Writes content into the stub's own sections of the same name; returns what is left to append. */
function replaceExisting(head: Uint8Array, image: PeImage, sections: readonly PeSection[]): PeSection[] {
  const firstProfile = sections.findIndex((section) => section.name === '.profile');
  return sections.filter((section, index) => {
    const isBase = firstProfile < 0 || index < firstProfile;
    const at = image.sections.findIndex(({ name }) => name === section.name);
    const existing = image.sections[at];
    if (!existing || !isBase) return true;
    const room = measureRoom(image, existing);
    if (section.data.length > room) {
      throw refuse(
        `the section ${section.name} of the stub has room for ${room} bytes, but ${section.data.length} are needed`,
      );
    }
    head.fill(0, existing.fileOffset, existing.fileOffset + existing.storedSize);
    head.set(section.data, existing.fileOffset);
    const header = image.sectionTableOffset + at * PE_SECTION_HEADER_SIZE;
    new DataView(head.buffer).setUint32(header + 8, section.data.length, true);
    return false;
  });
}

/** Bytes a section may have: in the file, and in memory up to the next section. */
function measureRoom(image: PeImage, section: PeSectionInfo): number {
  const above = image.sections.map((each) => each.virtualAddress).filter((address) => address > section.virtualAddress);
  return Math.min(section.storedSize, ...above.map((address) => address - section.virtualAddress));
}

function checkRoom(image: PeImage, added: readonly PeSection[]): void {
  for (const { name } of added) {
    if (!/^[\x21-\x7e]{1,8}$/.test(name)) throw refuse(`${JSON.stringify(name)} is no section name: 8 characters fit`);
  }
  const firstContent = Math.min(
    image.sizeOfHeaders,
    ...image.sections.filter(({ storedSize }) => storedSize > 0).map(({ fileOffset }) => fileOffset),
  );
  const room = Math.floor((firstContent - image.sectionTableOffset) / PE_SECTION_HEADER_SIZE);
  const wanted = image.sections.length + added.length;
  if (wanted <= room) return;
  throw new FormatsError({
    code: 'FORMAT_INPUT',
    message: `the header of the EFI stub has room for ${room} sections, but ${wanted} are needed`,
    hint: 'Use a newer systemd-stub (its header has more room) or fewer profiles.',
  });
}

function endOfImage(sections: readonly PeSectionInfo[]): number {
  return sections.reduce((end, { virtualAddress, virtualSize }) => Math.max(end, virtualAddress + virtualSize), 0);
}

function writeHeader(head: Uint8Array, at: number, section: PeSectionInfo): void {
  const view = new DataView(head.buffer, head.byteOffset + at, PE_SECTION_HEADER_SIZE);
  head.fill(0, at, at + PE_SECTION_HEADER_SIZE);
  head.set(new TextEncoder().encode(section.name), at);
  view.setUint32(8, section.virtualSize, true);
  view.setUint32(12, section.virtualAddress, true);
  view.setUint32(16, section.storedSize, true);
  view.setUint32(20, section.fileOffset, true);
  view.setUint32(36, section.characteristics, true);
}

function refuse(why: string): FormatsError {
  return new FormatsError({ code: 'FORMAT_INPUT', message: `cannot add sections to the EFI stub: ${why}` });
}
