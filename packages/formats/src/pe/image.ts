import { ByteReader } from '../byte-reader.ts';
import { FormatsError } from '../error.ts';

/** `Machine` values of EFI programs (PE/COFF specification, "Machine types"). */
export const PE_MACHINE = { x86_64: 0x8664, aarch64: 0xaa64 } as const;

/** A section as the section table tells. */
export interface PeSectionInfo {
  /** At most 8 bytes, without trailing NULs, for example `.cmdline`. */
  name: string;
  virtualAddress: number;
  /** Bytes in memory; what is beyond the stored ones is zero. */
  virtualSize: number;
  /** Offset of the stored bytes in the file. */
  fileOffset: number;
  /** Stored bytes, with padding. */
  storedSize: number;
  characteristics: number;
}

/** The parts of a PE32+ image that matter for EFI programs; offsets count from the start of the file. */
export interface PeImage {
  machine: number;
  /** 10 to 12 and 13 are EFI. */
  subsystem: number;
  sections: PeSectionInfo[];
  sectionTableOffset: number;
  optionalHeaderOffset: number;
  coffHeaderOffset: number;
  sectionAlignment: number;
  fileAlignment: number;
  sizeOfHeaders: number;
  sizeOfImage: number;
  checksumOffset: number;
  checksum: number;
  /** Place of the certificate table's directory entry. */
  certificateEntryOffset: number;
  /** Attribute certificates (signatures) at the end of the file; undefined when there are none. */
  certificates: { offset: number; sizeBytes: number } | undefined;
}

/** Bytes of an entry of the section table. */
export const PE_SECTION_HEADER_SIZE = 40;

const MAX_SECTIONS = 256;
const CERTIFICATE_DIRECTORY = 4;

/**
 * Parses the headers of a PE32+ image (Microsoft PE/COFF specification). Every section is known to lie in the file, which
 * has `fileBytes`: `bytes` may be its beginning only.
 *
 * @throws FormatsError `FORMAT_INVALID`, `FORMAT_TRUNCATED`, `FORMAT_LIMIT`, or `FORMAT_UNSUPPORTED` for 32-bit images.
 */
export function parsePe(bytes: Uint8Array, fileBytes = bytes.length): PeImage {
  const reader = new ByteReader(bytes, 'PE image');
  if (reader.u16(0) !== 0x5a4d) throw invalid('it does not begin with MZ');
  const signature = reader.u32(0x3c);
  if (reader.u32(signature) !== 0x0000_4550) throw invalid('the PE signature is missing');
  const coff = signature + 4;
  const optional = coff + 20;
  const magic = reader.u16(optional);
  if (magic !== 0x20b) {
    throw new FormatsError({
      code: 'FORMAT_UNSUPPORTED',
      message: `PE image: it is not a 64-bit image (magic 0x${magic.toString(16)})`,
    });
  }
  const optionalSize = reader.u16(coff + 16);
  if (optionalSize < 112 + (CERTIFICATE_DIRECTORY + 1) * 8 || reader.u32(optional + 108) <= CERTIFICATE_DIRECTORY) {
    throw invalid('it has no place for signatures');
  }
  const [sectionAlignment, fileAlignment] = [reader.u32(optional + 32), reader.u32(optional + 36)];
  if (!isPowerOfTwo(sectionAlignment) || !isPowerOfTwo(fileAlignment) || fileAlignment > 0x1_0000) {
    throw invalid(`alignments of ${sectionAlignment} and ${fileAlignment} bytes`);
  }
  const sectionTableOffset = optional + optionalSize;
  const certificateEntryOffset = optional + 112 + CERTIFICATE_DIRECTORY * 8;
  return {
    machine: reader.u16(coff),
    subsystem: reader.u16(optional + 68),
    sections: readSections(reader, fileBytes, sectionTableOffset, reader.u16(coff + 2)),
    sectionTableOffset,
    optionalHeaderOffset: optional,
    coffHeaderOffset: coff,
    sectionAlignment,
    fileAlignment,
    sizeOfHeaders: reader.u32(optional + 60),
    sizeOfImage: reader.u32(optional + 56),
    checksumOffset: optional + 64,
    checksum: reader.u32(optional + 64),
    certificateEntryOffset,
    certificates: readCertificatePlace(reader, fileBytes, certificateEntryOffset),
  };
}

/** The content of a section: a view without the padding that follows it in the file. */
export function readPeSection(bytes: Uint8Array, section: PeSectionInfo): Uint8Array {
  const length = Math.min(section.virtualSize, section.storedSize);
  return new ByteReader(bytes, `PE section ${section.name}`).slice(section.fileOffset, length);
}

function readSections(reader: ByteReader, fileBytes: number, table: number, count: number): PeSectionInfo[] {
  if (count > MAX_SECTIONS) {
    throw new FormatsError({ code: 'FORMAT_LIMIT', message: `PE image: ${count} sections, at most ${MAX_SECTIONS}` });
  }
  return Array.from({ length: count }, (_, index) => {
    const at = table + index * PE_SECTION_HEADER_SIZE;
    const section = {
      name: reader.cString(at, 8),
      virtualSize: reader.u32(at + 8),
      virtualAddress: reader.u32(at + 12),
      storedSize: reader.u32(at + 16),
      fileOffset: reader.u32(at + 20),
      characteristics: reader.u32(at + 36),
    };
    if (section.storedSize > 0) checkPlace(section.fileOffset, section.storedSize, fileBytes);
    return section;
  });
}

function readCertificatePlace(reader: ByteReader, fileBytes: number, entry: number): PeImage['certificates'] {
  const offset = reader.u32(entry);
  const sizeBytes = reader.u32(entry + 4);
  if (offset === 0 || sizeBytes === 0) return undefined;
  checkPlace(offset, sizeBytes, fileBytes);
  return { offset, sizeBytes };
}

function checkPlace(offset: number, sizeBytes: number, fileBytes: number): void {
  if (offset + sizeBytes <= fileBytes) return;
  throw new FormatsError({
    code: 'FORMAT_TRUNCATED',
    message: `PE image: ${sizeBytes} bytes at ${offset} do not lie in a file of ${fileBytes} bytes`,
  });
}

function isPowerOfTwo(value: number): boolean {
  return value > 0 && (value & (value - 1)) === 0;
}

function invalid(why: string): FormatsError {
  return new FormatsError({ code: 'FORMAT_INVALID', message: `PE image: ${why}` });
}
