import { ByteReader } from '../byte-reader.ts';
import { FormatsError } from '../error.ts';

/** What the system use field of a directory record says. */
export interface RockRidge {
  /** POSIX name; undefined when the field has none. */
  name: string | undefined;
  /** True for what is no plain file or directory here: links, devices, relocated directories. */
  ignored: boolean;
}

/** Reads `length` bytes at `offset` of a block. */
export type ReadBlock = (block: number, offset: number, length: number) => Uint8Array | Promise<Uint8Array>;

const MAX_CONTINUATIONS = 16;
const MAX_NAME_BYTES = 1024;
const FILE_TYPE = { mask: 0xf000, file: 0x8000, directory: 0x4000 } as const;

/** Bytes to skip at the start of every system use field, from the `SP` entry of the root's first record; else undefined. */
export function rockRidgeSkip(record: ByteReader, length: number): number | undefined {
  // The first record is `.`, whose name is one byte: its system use field starts at 34 (or 15 later for CD-ROM XA).
  for (const at of [34, 49]) {
    if (at + 7 > length || at + 7 > record.length) return undefined;
    if (record.latin1(at, 2) !== 'SP' || record.u8(at + 4) !== 0xbe || record.u8(at + 5) !== 0xef) continue;
    return record.u8(at + 6);
  }
  return undefined;
}

/**
 * Reads the entries of a system use field from `start` on, following continuation areas.
 *
 * @throws FormatsError `FORMAT_INVALID`, `FORMAT_TRUNCATED`, `FORMAT_LIMIT`.
 */
export async function readRockRidge(record: ByteReader, start: number, readBlock: ReadBlock): Promise<RockRidge> {
  const name: number[] = [];
  let ignored = false;
  let area: ByteReader | undefined = record;
  let at = start;
  for (let continuations = 0; area !== undefined; continuations++) {
    if (continuations > MAX_CONTINUATIONS) throw refuse('FORMAT_LIMIT', 'a record goes on in too many places');
    let next: { block: number; offset: number; length: number } | undefined;
    while (at + 4 <= area.length) {
      const signature = area.latin1(at, 2);
      const length = area.u8(at + 2);
      if (length === 0 || signature === 'ST') break;
      if (length < 4) throw refuse('FORMAT_INVALID', 'a system use entry is shorter than its head');
      const entry = new ByteReader(area.slice(at, length), `Rock Ridge entry ${signature}`);
      at += length;
      if (signature === 'NM' && (entry.u8(4) & 0x06) === 0) name.push(...entry.slice(5, length - 5));
      if (name.length > MAX_NAME_BYTES) throw refuse('FORMAT_LIMIT', 'a name is too long');
      if (signature === 'PX') {
        const type = entry.u32(4) & FILE_TYPE.mask;
        ignored ||= type !== FILE_TYPE.file && type !== FILE_TYPE.directory;
      }
      if (['SL', 'CL', 'PL', 'RE', 'PN'].includes(signature)) ignored = true;
      if (signature === 'CE') next = { block: entry.u32(4), offset: entry.u32(12), length: entry.u32(20) };
    }
    if (next === undefined) break;
    if (next.length > 65_536 || next.offset > 65_536) throw refuse('FORMAT_LIMIT', 'a continuation area is too large');
    area = new ByteReader(await readBlock(next.block, next.offset, next.length), 'Rock Ridge continuation area');
    at = 0;
  }
  return { name: name.length === 0 ? undefined : new TextDecoder().decode(Uint8Array.from(name)), ignored };
}

function refuse(code: 'FORMAT_INVALID' | 'FORMAT_LIMIT', why: string): FormatsError {
  return new FormatsError({ code, message: `ISO 9660 disc: ${why}` });
}
