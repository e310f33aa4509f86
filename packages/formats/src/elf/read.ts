import { alignUp, ByteReader } from '../byte-reader.ts';
import { FormatsError } from '../error.ts';
import { type DlopenDependency, parseDlopenNote } from './dlopen.ts';

/** Machines Bowline builds for (System V ABI, `e_machine`). */
export const ELF_MACHINE = { x86_64: 62, aarch64: 183 } as const;

/** What decides whether and how a program or library loads. */
export interface ElfInfo {
  /** Word size in bits. */
  bits: 32 | 64;
  /** `e_type`: 1 relocatable (kernel modules), 2 executable, 3 shared object or position-independent executable. */
  type: number;
  /** `e_machine`; see {@link ELF_MACHINE}. */
  machine: number;
  /** Path of the dynamic loader (PT_INTERP); undefined for libraries and static programs. */
  interpreter: string | undefined;
  /** DT_SONAME. */
  soname: string | undefined;
  /** DT_NEEDED, in order. */
  needed: string[];
  /** Folders of DT_RUNPATH, or of the older DT_RPATH when there is no DT_RUNPATH; may hold `$ORIGIN`. */
  runpath: string[];
  /** Libraries that are loaded by `dlopen`, from `.note.dlopen`; empty when the file does not say. */
  dlopen: DlopenDependency[];
}

interface Segment {
  type: number;
  offset: number;
  virtualAddress: number;
  fileSize: number;
  alignment: number;
}

const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const PT_INTERP = 3;
const PT_NOTE = 4;
const DT_NEEDED = 1;
const DT_STRTAB = 5;
const DT_SONAME = 14;
const DT_RPATH = 15;
const DT_RUNPATH = 29;
const DLOPEN_NOTE_TYPE = 0x407c0c0a;

/** Bounds for hostile files; the largest real ones stay far below. */
const MAX_SEGMENTS = 512;
const MAX_DYNAMIC_TAGS = 65_536;
const MAX_NEEDED = 4096;
const MAX_STRING = 4096;
const MAX_NOTES = 4096;

/** Whether the bytes start as an ELF file does. Four bytes suffice. */
export function isElf(bytes: Uint8Array): boolean {
  return bytes[0] === 0x7f && bytes[1] === 0x45 && bytes[2] === 0x4c && bytes[3] === 0x46;
}

/**
 * Reads the loading facts of a little-endian ELF file (System V ABI, chapters 4 and 5) from its segments, so stripped
 * section headers do not matter.
 *
 * @throws FormatsError `FORMAT_INVALID` when it is no ELF file or contradicts itself, `FORMAT_TRUNCATED`,
 *   `FORMAT_UNSUPPORTED` for big-endian files, `FORMAT_LIMIT`.
 */
export function parseElf(bytes: Uint8Array): ElfInfo {
  if (!isElf(bytes)) throw invalid('the magic number is missing');
  const reader = new ByteReader(bytes, 'ELF file');
  const bits = readBits(reader);
  const segments = readSegments(reader, bits);
  const interpreter = segments.find((segment) => segment.type === PT_INTERP);
  return {
    bits,
    type: reader.u16(16),
    machine: reader.u16(18),
    interpreter: interpreter && reader.cString(interpreter.offset, Math.min(interpreter.fileSize, MAX_STRING)),
    ...readDynamic(reader, bits, segments),
    dlopen: readDlopen(reader, segments),
  };
}

function readBits(reader: ByteReader): 32 | 64 {
  const fileClass = reader.u8(4);
  if (fileClass !== 1 && fileClass !== 2) throw invalid(`the class ${fileClass} is neither 32 nor 64 bits`);
  const order = reader.u8(5);
  if (order === 2) {
    throw new FormatsError({ code: 'FORMAT_UNSUPPORTED', message: 'ELF file: it is for a big-endian machine' });
  }
  if (order !== 1) throw invalid(`the byte order ${order} is unknown`);
  return fileClass === 1 ? 32 : 64;
}

function readSegments(reader: ByteReader, bits: 32 | 64): Segment[] {
  const wide = bits === 64;
  const table = wide ? reader.size64(32) : reader.u32(28);
  const entrySize = reader.u16(wide ? 54 : 42);
  const count = reader.u16(wide ? 56 : 44);
  if (count > MAX_SEGMENTS) throw limit(`${count} program headers`);
  if (count > 0 && entrySize < (wide ? 56 : 32)) throw invalid(`program headers of ${entrySize} bytes`);
  return Array.from({ length: count }, (_, index) => {
    const at = table + index * entrySize;
    return wide
      ? {
          type: reader.u32(at),
          offset: reader.size64(at + 8),
          // Addresses of the upper half (kernels) do not matter here and would not fit a number.
          virtualAddress: Number(reader.u64(at + 16)),
          fileSize: reader.size64(at + 32),
          alignment: Number(reader.u64(at + 48)),
        }
      : {
          type: reader.u32(at),
          offset: reader.u32(at + 4),
          virtualAddress: reader.u32(at + 8),
          fileSize: reader.u32(at + 16),
          alignment: reader.u32(at + 28),
        };
  });
}

function readDynamic(
  reader: ByteReader,
  bits: 32 | 64,
  segments: readonly Segment[],
): Pick<ElfInfo, 'soname' | 'needed' | 'runpath'> {
  const values = readDynamicTags(reader, bits, segments);
  const stringTable = values.get(DT_STRTAB)?.[0];
  const readString = (offset: number): string => {
    if (stringTable === undefined) throw invalid('the dynamic section has no string table');
    return reader.cString(toFileOffset(segments, stringTable) + offset, MAX_STRING);
  };
  const needed = values.get(DT_NEEDED) ?? [];
  if (needed.length > MAX_NEEDED) throw limit(`${needed.length} needed libraries`);
  const soname = values.get(DT_SONAME)?.[0];
  const runpath = values.get(DT_RUNPATH)?.[0] ?? values.get(DT_RPATH)?.[0];
  return {
    soname: soname === undefined ? undefined : readString(soname),
    needed: needed.map(readString),
    runpath: runpath === undefined ? [] : readString(runpath).split(':').filter(Boolean),
  };
}

function readDynamicTags(reader: ByteReader, bits: 32 | 64, segments: readonly Segment[]): Map<number, number[]> {
  const values = new Map<number, number[]>();
  const dynamic = segments.find((segment) => segment.type === PT_DYNAMIC);
  if (!dynamic) return values;
  const wide = bits === 64;
  const step = wide ? 16 : 8;
  const count = Math.floor(dynamic.fileSize / step);
  if (count > MAX_DYNAMIC_TAGS) throw limit(`${count} dynamic tags`);
  for (let index = 0; index < count; index++) {
    const at = dynamic.offset + index * step;
    const tag = wide ? Number(reader.u64(at)) : reader.u32(at);
    if (tag === 0) break;
    const value = wide ? Number(reader.u64(at + 8)) : reader.u32(at + 4);
    const list = values.get(tag);
    if (list) list.push(value);
    else values.set(tag, [value]);
  }
  return values;
}

function toFileOffset(segments: readonly Segment[], address: number): number {
  const home = segments.find(
    ({ type, virtualAddress, fileSize }) =>
      type === PT_LOAD && address >= virtualAddress && address < virtualAddress + fileSize,
  );
  if (!home) throw invalid(`the address 0x${address.toString(16)} is in no loaded segment`);
  return home.offset + (address - home.virtualAddress);
}

function readDlopen(reader: ByteReader, segments: readonly Segment[]): DlopenDependency[] {
  const found: DlopenDependency[] = [];
  let notes = 0;
  for (const segment of segments) {
    if (segment.type !== PT_NOTE) continue;
    const alignment = segment.alignment === 8 ? 8 : 4;
    const end = segment.offset + segment.fileSize;
    for (let at = segment.offset; at + 12 <= end; ) {
      if ((notes += 1) > MAX_NOTES) throw limit(`more than ${MAX_NOTES} notes`);
      const nameSize = reader.u32(at);
      const valueOffset = at + alignUp(12 + nameSize, alignment);
      const valueSize = reader.u32(at + 4);
      if (reader.u32(at + 8) === DLOPEN_NOTE_TYPE && nameSize === 4 && reader.latin1(at + 12, 4) === 'FDO\0') {
        found.push(...parseDlopenNote(reader.slice(valueOffset, valueSize)));
      }
      at = valueOffset + alignUp(valueSize, alignment);
    }
  }
  return found;
}

function invalid(why: string): FormatsError {
  return new FormatsError({ code: 'FORMAT_INVALID', message: `ELF file: ${why}` });
}

function limit(what: string): FormatsError {
  return new FormatsError({ code: 'FORMAT_LIMIT', message: `ELF file: ${what} are more than any real file has` });
}
