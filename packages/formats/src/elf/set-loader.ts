import { ByteReader } from '../byte-reader.ts';
import { FormatsError } from '../error.ts';
import { encodeLatin1 } from '../tar/byte-path.ts';
import { isElf, parseElf } from './read.ts';

const SEGMENT_BYTES = 56;
const SECTION_BYTES = 64;
const TAG_BYTES = 16;
const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const PT_INTERP = 3;
const DT_STRTAB = 5n;
const DT_STRSZ = 10n;
const DT_RPATH = 15n;

/** Where a program gets its loader and libraries from. */
export interface LoaderPaths {
  /** PT_INTERP; no longer than the one that the program has. */
  interpreter: string;
  /** DT_RPATH: one folder, searched before everything else, for the libraries of libraries too. */
  libraries: string;
}

interface Header {
  /** Offset of the program header itself. */
  at: number;
  type: number;
  offset: number;
  address: number;
  size: number;
  memorySize: number;
}

/**
 * Gives a 64-bit program another loader and a folder of its own for libraries, in place: nothing moves. The linker left room for
 * it: the old loader's name, unused entries between the dynamic section and what follows it, and what is free in the last page of
 * the segment with the strings (System V ABI, chapters 4 and 5). patchelf 0.18, which moves segments, breaks Node 26.
 *
 * @throws FormatsError FORMAT_UNSUPPORTED for a program without that room, and what reading it throws
 */
export function setLoader(program: Uint8Array, paths: LoaderPaths): void {
  if (!isElf(program) || parseElf(program).bits !== 64) throw unsupported('it is no 64-bit program');
  const reader = new ByteReader(program, 'ELF file');
  const headers = readHeaders(reader);
  setInterpreter(program, headers, paths.interpreter);
  const tags = readTags(reader, headers);
  if (tags.some(({ tag }) => tag === DT_RPATH)) throw unsupported('it has a DT_RPATH already');
  const table = tags.find(({ tag }) => tag === DT_STRTAB)?.value;
  if (table === undefined) throw unsupported('it has no string table');
  const string = appendString(program, headers, Number(table), paths.libraries);
  const last = tags.findIndex(({ tag }) => tag === 0n);
  const [spare, end] = last < 0 ? [] : tags.slice(last, last + 2);
  if (spare === undefined || end?.tag !== 0n || end.value !== 0n) {
    throw unsupported('its dynamic section has no spare entry');
  }
  const view = viewOf(program);
  view.setBigUint64(spare.at, DT_RPATH, true);
  view.setBigUint64(spare.at + 8, BigInt(string - Number(table)), true);
  // Loaders do not look at it; tools that read names do.
  const length = tags.find(({ tag }) => tag === DT_STRSZ);
  if (length !== undefined) {
    view.setBigUint64(length.at + 8, BigInt(string - Number(table) + paths.libraries.length + 1), true);
  }
  const dynamic = headers.find(({ type }) => type === PT_DYNAMIC);
  if (dynamic !== undefined) resize(view, dynamic, Math.max(dynamic.size, end.at + TAG_BYTES - dynamic.offset));
}

function readHeaders(reader: ByteReader): Header[] {
  const table = reader.size64(32);
  return Array.from({ length: reader.u16(56) }, (_, index) => {
    const at = table + index * SEGMENT_BYTES;
    return {
      at,
      type: reader.u32(at),
      offset: reader.size64(at + 8),
      address: reader.size64(at + 16),
      size: reader.size64(at + 32),
      memorySize: reader.size64(at + 40),
    };
  });
}

/** Entries of the dynamic section, and those that fit between it and the next section. */
function readTags(reader: ByteReader, headers: readonly Header[]): { at: number; tag: bigint; value: bigint }[] {
  const dynamic = headers.find(({ type }) => type === PT_DYNAMIC);
  if (dynamic === undefined) throw unsupported('it needs no libraries');
  const next = sectionOffsets(reader).filter((offset) => offset > dynamic.offset);
  const end = Math.max(dynamic.offset + dynamic.size, next.length === 0 ? 0 : Math.min(...next));
  return Array.from({ length: Math.floor((end - dynamic.offset) / TAG_BYTES) }, (_, index) => {
    const at = dynamic.offset + index * TAG_BYTES;
    return { at, tag: reader.u64(at), value: reader.u64(at + 8) };
  });
}

function sectionOffsets(reader: ByteReader): number[] {
  const table = reader.size64(40);
  return Array.from({ length: reader.u16(60) }, (_, index) => reader.size64(table + index * SECTION_BYTES + 24));
}

function setInterpreter(program: Uint8Array, headers: readonly Header[], interpreter: string): void {
  const header = headers.find(({ type }) => type === PT_INTERP);
  if (header === undefined) throw unsupported('it has no loader');
  const name = encodeLatin1(`${interpreter}\0`);
  if (name.length > header.size) throw unsupported(`its loader has room for ${header.size - 1} bytes only`);
  program.fill(0, header.offset, header.offset + header.size).set(name, header.offset);
}

/** Puts a string behind the segment that holds the string table; returns its address. */
function appendString(program: Uint8Array, headers: readonly Header[], table: number, text: string): number {
  const loads = headers.filter(({ type }) => type === PT_LOAD);
  const home = loads.find(({ address, size }) => table >= address && table < address + size);
  const bytes = encodeLatin1(`${text}\0`);
  const at = (home?.offset ?? 0) + (home?.size ?? 0);
  const address = (home?.address ?? 0) + (home?.size ?? 0);
  const isFree = program.subarray(at, at + bytes.length).every((byte) => byte === 0);
  const inTheWay = loads.some((other) => other.offset >= at && other.offset < at + bytes.length);
  const overThere = loads.some((other) => other.address >= address && other.address < address + bytes.length);
  const isWhole = home !== undefined && home.size === home.memorySize && at + bytes.length <= program.length;
  if (!isWhole || !isFree || inTheWay || overThere) throw unsupported('there is no room behind its strings');
  program.set(bytes, at);
  resize(viewOf(program), home, home.size + bytes.length);
  return address;
}

function resize(view: DataView, header: Header, sizeBytes: number): void {
  view.setBigUint64(header.at + 32, BigInt(sizeBytes), true);
  view.setBigUint64(header.at + 40, BigInt(sizeBytes), true);
}

function viewOf(program: Uint8Array): DataView {
  return new DataView(program.buffer, program.byteOffset, program.byteLength);
}

function unsupported(why: string): FormatsError {
  return new FormatsError({ code: 'FORMAT_UNSUPPORTED', message: `ELF file: its loader cannot be set: ${why}` });
}
