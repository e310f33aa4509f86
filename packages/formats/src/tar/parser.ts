import { FormatsError } from '../error.ts';
import { checkSymlinkTarget, decodeLatin1, displayPath, normalizePath } from './byte-path.ts';
import type { IndexedEntry, TarEntryType } from './entry.ts';
import { type Extensions, memberName, NO_XATTRS, readExtensions } from './extensions.ts';
import { isZeroBlock, type RawHeader, readHeader, readNumber, TAR_BLOCK } from './header.ts';
import { type PaxRecords, parsePax } from './pax.ts';
import { checkSparseRuns, MAX_SPARSE_RUNS, readOldGnuRuns, SparseMapReader, type SparseRuns } from './sparse.ts';

/** Largest extended header or long name accepted, in bytes; Linux's own limits are far lower. */
const MAX_EXTENSION_BYTES = 1 << 20;
/** Largest user or group ID: 2^32-1 means "none". */
const MAX_ID = 0xfffffffe;

const TYPES: Readonly<Record<string, TarEntryType>> = {
  '0': 'file',
  '1': 'hardlink',
  '2': 'symlink',
  '3': 'character',
  '4': 'block',
  '5': 'directory',
  '6': 'fifo',
  '7': 'file',
  D: 'directory',
  S: 'file',
};

/** What the next complete piece of input is. */
type Step =
  | { kind: 'header' }
  | { kind: 'extension'; type: string; data: Uint8Array; filled: number; size: number }
  | { kind: 'old-sparse'; header: RawHeader; realSize: number; runs: SparseRuns }
  | { kind: 'sparse-map'; header: RawHeader; reader: SparseMapReader; stored: number }
  | { kind: 'end' };

/**
 * Incremental reader of tar archives: ustar, GNU (long names, base-256, sparse) and PAX. Member data is counted, never copied,
 * so an archive is read as fast as its chunks arrive. Everything in it is hostile: checksums, numbers, names and sparse
 * maps are checked, and every failure is a FormatsError that names the byte or the entry.
 */
export class TarParser {
  #step: Step = { kind: 'header' };
  /** Bytes of the archive consumed so far. */
  #offset = 0;
  /** Bytes still to pass over: member data and padding. */
  #skip = 0;
  #pending = new Uint8Array(TAR_BLOCK);
  #pendingLength = 0;
  #zeroBlocks = 0;
  #global: PaxRecords = [];
  #local: PaxRecords | undefined;
  #longName: string | undefined;
  #longLink: string | undefined;
  /** Extensions of the member under way. */
  #extensions: Extensions | undefined;
  /** Padding behind the data of the 1.0 sparse member under way. */
  #mapPadding = 0;
  #out: IndexedEntry[] = [];

  /** True once the end marker (two zero blocks) was read; what follows is ignored. */
  get ended(): boolean {
    return this.#step.kind === 'end';
  }

  /**
   * Takes the next bytes of the archive and returns the members whose headers they complete.
   *
   * @throws FormatsError FORMAT_INVALID | FORMAT_UNSUPPORTED | FORMAT_LIMIT
   */
  push(chunk: Uint8Array): IndexedEntry[] {
    this.#out = [];
    let at = 0;
    while (at < chunk.length && this.#step.kind !== 'end') {
      if (this.#skip > 0) {
        const passed = Math.min(this.#skip, chunk.length - at);
        this.#skip -= passed;
        this.#offset += passed;
        at += passed;
      } else if (this.#step.kind === 'extension') {
        at += this.#fillExtension(this.#step, chunk, at);
      } else if (this.#pendingLength === 0 && chunk.length - at >= TAR_BLOCK) {
        this.#takeBlock(chunk, at);
        at += TAR_BLOCK;
      } else {
        const taken = Math.min(TAR_BLOCK - this.#pendingLength, chunk.length - at);
        this.#pending.set(chunk.subarray(at, at + taken), this.#pendingLength);
        this.#pendingLength += taken;
        at += taken;
        if (this.#pendingLength === TAR_BLOCK) {
          this.#pendingLength = 0;
          this.#takeBlock(this.#pending, 0);
        }
      }
    }
    return this.#out;
  }

  /**
   * Says that the input is over. `requireEnd: false` accepts an archive that stops between two members without its end
   * marker, which is safe when a digest covers the whole.
   *
   * @throws FormatsError FORMAT_TRUNCATED
   */
  finish(options: { requireEnd: boolean } = { requireEnd: true }): void {
    if (this.#step.kind === 'end' || this.#zeroBlocks > 0) return;
    const between =
      this.#step.kind === 'header' && this.#skip === 0 && this.#pendingLength === 0 && !this.#hasExtensions();
    if (between && !options.requireEnd) return;
    throw new FormatsError({
      code: 'FORMAT_TRUNCATED',
      message: between
        ? `tar: the archive ends at byte ${this.#offset} without its end marker`
        : `tar: the archive is cut off after byte ${this.#offset + this.#pendingLength}`,
      hint: 'The file is incomplete: fetch or make it again.',
    });
  }

  #hasExtensions(): boolean {
    return this.#local !== undefined || this.#longName !== undefined || this.#longLink !== undefined;
  }

  #fillExtension(step: Extract<Step, { kind: 'extension' }>, chunk: Uint8Array, at: number): number {
    const taken = Math.min(step.data.length - step.filled, chunk.length - at);
    step.data.set(chunk.subarray(at, at + taken), step.filled);
    step.filled += taken;
    this.#offset += taken;
    if (step.filled === step.data.length) {
      this.#step = { kind: 'header' };
      this.#applyExtension(step.type, step.data.subarray(0, step.size));
    }
    return taken;
  }

  #applyExtension(type: string, data: Uint8Array): void {
    if (type === 'L' || type === 'K') {
      const nul = data.indexOf(0);
      const text = decodeLatin1(data, 0, nul < 0 ? data.length : nul);
      if (type === 'L') this.#longName = text;
      else this.#longLink = text;
    } else if (type === 'g') {
      this.#global = [...this.#global, ...parsePax(data, this.#offset)];
      if (this.#global.length > 4096) throw limit('has too many global extended headers');
    } else {
      this.#local = parsePax(data, this.#offset);
    }
  }

  /** Takes one block; `#offset` is moved before members are made, so that it points behind the block. */
  #takeBlock(bytes: Uint8Array, at: number): void {
    const blockOffset = this.#offset;
    this.#offset += TAR_BLOCK;
    const step = this.#step;
    if (step.kind === 'old-sparse') {
      const more = readOldGnuRuns(bytes, at, 'extension', blockOffset);
      step.runs.push(...more.runs);
      if (step.runs.length > MAX_SPARSE_RUNS) throw limit('has a sparse file with too many data runs');
      if (!more.extended) this.#emitFile(step.header, step.header.size, { size: step.realSize, runs: step.runs });
    } else if (step.kind === 'sparse-map') {
      step.stored -= TAR_BLOCK;
      if (step.stored < 0) throw invalid(step.header.name, 'has a sparse map longer than its data');
      const runs = step.reader.push(bytes, at);
      const size = this.#extensions?.sparse?.size;
      if (runs !== undefined) this.#emitFile(step.header, step.stored, { size: size ?? 0, runs });
    } else if (bytes[at] === 0 && isZeroBlock(bytes, at)) {
      this.#zeroBlocks++;
      if (this.#zeroBlocks === 2) this.#step = { kind: 'end' };
    } else {
      if (this.#zeroBlocks > 0) throw invalid(`byte ${blockOffset}`, 'follows a lone zero block');
      this.#takeHeader(readHeader(bytes, at, blockOffset), bytes, at, blockOffset);
    }
  }

  #takeHeader(header: RawHeader, bytes: Uint8Array, at: number, blockOffset: number): void {
    if ('LKxXg'.includes(header.type)) {
      if (header.size > MAX_EXTENSION_BYTES) {
        throw limit(`has an extended header of ${header.size} bytes at byte ${blockOffset}`);
      }
      const data = new Uint8Array(padded(header.size));
      if (data.length === 0) this.#applyExtension(header.type, data);
      else this.#step = { kind: 'extension', type: header.type, data, filled: 0, size: header.size };
      return;
    }
    this.#extensions =
      this.#local !== undefined || this.#global.length > 0
        ? readExtensions(this.#global, this.#local ?? [], blockOffset)
        : undefined;
    if (this.#longName !== undefined) header.name = this.#longName;
    if (this.#longLink !== undefined) header.linkname = this.#longLink;
    header.size = this.#extensions?.size ?? header.size;
    if (header.size < 0) throw invalid(header.name, 'has a negative size');
    this.#local = undefined;
    this.#longName = undefined;
    this.#longLink = undefined;

    if (header.type === 'V') {
      this.#skip = padded(header.size);
      return;
    }
    const type = TYPES[header.type];
    if (type === undefined) {
      throw new FormatsError({
        code: 'FORMAT_UNSUPPORTED',
        message: `tar: the entry "${displayPath(header.name)}" has the unknown type ${JSON.stringify(header.type)}`,
        hint: 'Make the archive again with GNU tar in its posix or gnu format.',
      });
    }
    const sparse = this.#extensions?.sparse;
    if (header.type === 'S') {
      const { runs, extended } = readOldGnuRuns(bytes, at, 'header', blockOffset);
      const realSize = readNumber(bytes, at + 483, 12, 'real size', `at byte ${blockOffset}`);
      if (extended) this.#step = { kind: 'old-sparse', header, realSize, runs };
      else this.#emitFile(header, header.size, { size: realSize, runs });
    } else if (type !== 'file') {
      this.#emitOther(header, type, bytes, at, blockOffset);
    } else if (sparse === undefined) {
      // Before POSIX a directory was a file whose name ends in a slash.
      if (header.type === '0' && memberName(header, this.#extensions).endsWith('/')) {
        this.#emitOther(header, 'directory', bytes, at, blockOffset);
      } else this.#emitFile(header, header.size, undefined);
    } else if (sparse.size === undefined) {
      throw invalid(header.name, 'is sparse but does not say how large it is');
    } else if (sparse.runs === undefined) {
      this.#step = { kind: 'sparse-map', header, reader: new SparseMapReader(), stored: padded(header.size) };
      this.#mapPadding = padded(header.size) - header.size;
    } else {
      this.#emitFile(header, header.size, { size: sparse.size, runs: sparse.runs });
    }
  }

  #emitFile(header: RawHeader, stored: number, sparse: { size: number; runs: SparseRuns } | undefined): void {
    const storedSize = this.#step.kind === 'sparse-map' ? stored - this.#mapPadding : stored;
    const entry = this.#entry(header, 'file', sparse?.size ?? storedSize, storedSize);
    if (entry.path === '') throw invalid(header.name, 'names the root but is no directory');
    if (sparse !== undefined) entry.sparse = checkSparseRuns(entry.path, sparse.runs, sparse.size, storedSize);
    this.#skip = padded(storedSize);
    this.#step = { kind: 'header' };
    this.#out.push(entry);
  }

  #emitOther(header: RawHeader, type: TarEntryType, bytes: Uint8Array, at: number, blockOffset: number): void {
    const entry = this.#entry(header, type, 0, 0);
    if (entry.path === '' && type !== 'directory') throw invalid(header.name, 'names the root but is no directory');
    if (type === 'symlink' || type === 'hardlink') {
      const target = this.#extensions?.linkpath ?? header.linkname;
      entry.linkname =
        type === 'symlink'
          ? checkSymlinkTarget(entry.path, target)
          : normalizePath(target, `target of the hard link "${displayPath(entry.path)}",`);
    } else if (type === 'character' || type === 'block') {
      const where = `at byte ${blockOffset}`;
      entry.deviceMajor = this.#extensions?.deviceMajor ?? readNumber(bytes, at + 329, 8, 'device number', where);
      entry.deviceMinor = this.#extensions?.deviceMinor ?? readNumber(bytes, at + 337, 8, 'device number', where);
      if (!isBelow(entry.deviceMajor, 2 ** 32) || !isBelow(entry.deviceMinor, 2 ** 32)) {
        throw invalid(entry.path, 'has an impossible device number');
      }
    }
    // Only the dump directories of GNU tar ('D') carry data that is not a file.
    this.#skip = header.type === 'D' ? padded(header.size) : 0;
    this.#out.push(entry);
  }

  #entry(header: RawHeader, type: TarEntryType, size: number, storedSize: number): IndexedEntry {
    const extensions = this.#extensions;
    const name = memberName(header, extensions);
    const path = normalizePath(name);
    const uid = extensions?.uid ?? header.uid;
    const gid = extensions?.gid ?? header.gid;
    if (!isBelow(uid, MAX_ID + 1) || !isBelow(gid, MAX_ID + 1)) throw invalid(name, 'has an impossible owner');
    if (!Number.isSafeInteger(this.#offset + storedSize + TAR_BLOCK) || size < 0 || storedSize < 0) {
      throw invalid(name, 'has an impossible size');
    }
    return {
      path,
      type,
      mode: header.mode,
      uid,
      gid,
      size,
      mtime: extensions?.mtime ?? header.mtime,
      linkname: '',
      deviceMajor: 0,
      deviceMinor: 0,
      xattrs: extensions?.xattrs ?? NO_XATTRS,
      offset: this.#offset,
      storedSize,
    };
  }
}

function padded(size: number): number {
  return Math.ceil(size / TAR_BLOCK) * TAR_BLOCK;
}

function isBelow(value: number, bound: number): boolean {
  return value >= 0 && value < bound;
}

function invalid(name: string, why: string): FormatsError {
  return new FormatsError({ code: 'FORMAT_INVALID', message: `tar: the entry "${displayPath(name)}" ${why}` });
}

function limit(why: string): FormatsError {
  return new FormatsError({ code: 'FORMAT_LIMIT', message: `tar: the archive ${why}` });
}
