import { type IndexedEntry, TarParser } from '@bowline/formats';
import { OciError } from '../error.ts';
import { readFileRange } from '../source/read-file.ts';

/** More members than any `docker save` makes; a bound for hostile archives. */
const MAX_MEMBERS = 100_000;
const MAX_LINKS = 16;

/** Where a member's bytes lie in the archive file. */
export interface MemberPlace {
  offset: number;
  size: number;
}

/** Members of an archive by path. */
export type ArchiveIndex = ReadonlyMap<string, IndexedEntry>;

/** Reads the headers of a tar file once. Throws MANIFEST_INVALID for what is no tar, with the cure for a compressed one. */
export async function indexArchive(
  file: string,
  origin: string,
  signal: AbortSignal | undefined,
): Promise<ArchiveIndex> {
  const index = new Map<string, IndexedEntry>();
  const parser = new TarParser();
  let isFirst = true;
  for await (const chunk of readFileRange(file, {}, `The archive ${origin}`, signal)) {
    if (isFirst) refuseCompressed(chunk, origin);
    isFirst = false;
    let entries: IndexedEntry[];
    try {
      entries = parser.push(chunk);
    } catch (cause) {
      throw broken(origin, 'is no readable tar archive', cause);
    }
    // As tar does when it unpacks: of two members with one name the last one counts.
    for (const entry of entries) index.set(entry.path, entry);
    if (index.size > MAX_MEMBERS) throw broken(origin, `has more than ${MAX_MEMBERS} members`);
    if (parser.ended) break;
  }
  try {
    parser.finish();
  } catch (cause) {
    throw new OciError({
      code: 'TRUNCATED',
      message: `The archive ${origin} ends in the middle.`,
      hint: 'Export the image again, and check that the disk was not full.',
      cause,
    });
  }
  return index;
}

/** Finds a member by path, through symlinks and hard links inside the archive. Throws MANIFEST_INVALID. */
export function findMember(index: ArchiveIndex, path: string, origin: string): MemberPlace {
  let current = resolvePath('', path);
  for (let hop = 0; hop <= MAX_LINKS; hop += 1) {
    const entry = current === undefined ? undefined : index.get(current);
    if (current === undefined || entry === undefined) throw broken(origin, `lacks the member ${JSON.stringify(path)}`);
    if (entry.type === 'file') {
      if (entry.sparse !== undefined) throw broken(origin, `has a sparse member ${JSON.stringify(path)}`);
      return { offset: entry.offset, size: entry.size };
    }
    if (entry.type === 'hardlink') current = entry.linkname;
    else if (entry.type === 'symlink')
      current = resolvePath(current.slice(0, current.lastIndexOf('/') + 1), entry.linkname);
    else throw broken(origin, `has no file ${JSON.stringify(path)}`);
  }
  throw broken(origin, `has links in a circle at ${JSON.stringify(path)}`);
}

/** A path relative to a folder of the archive; undefined when it would leave the archive. */
function resolvePath(folder: string, target: string): string | undefined {
  if (target.startsWith('/')) return undefined;
  const parts: string[] = [];
  for (const part of `${folder}${target}`.split('/')) {
    if (part === '' || part === '.') continue;
    if (part !== '..') parts.push(part);
    else if (parts.pop() === undefined) return undefined;
  }
  return parts.join('/');
}

function refuseCompressed(head: Uint8Array, origin: string): void {
  const packed = detectPacking(head);
  if (packed === undefined) return;
  throw new OciError({
    code: 'MANIFEST_INVALID',
    message: `The archive ${origin} is compressed with ${packed}; its members are read in place and must not be.`,
    hint: `Unpack it first: \`${packed} -dk FILE\`.`,
  });
}

/** The compression program whose magic number these bytes start with. */
export function detectPacking(head: Uint8Array): 'gzip' | 'zstd' | 'xz' | 'bzip2' | undefined {
  const starts = (...magic: number[]): boolean => magic.every((byte, index) => head[index] === byte);
  if (starts(0x1f, 0x8b)) return 'gzip';
  if (starts(0x28, 0xb5, 0x2f, 0xfd)) return 'zstd';
  if (starts(0xfd, 0x37, 0x7a, 0x58, 0x5a)) return 'xz';
  return starts(0x42, 0x5a, 0x68) ? 'bzip2' : undefined;
}

/** The error for an archive that does not hold together. */
export function broken(origin: string, why: string, cause?: unknown): OciError {
  return new OciError({
    code: 'MANIFEST_INVALID',
    message: `The archive ${origin} ${why}.`,
    hint: 'Export the image again with `docker save -o FILE IMAGE` or `podman save -o FILE IMAGE`.',
    cause,
  });
}
