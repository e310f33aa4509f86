import { type IndexedEntry, NO_XATTRS, type TarEntryType } from '@bowline/formats';

/** Format of the index beside a layer; a change here makes every index anew. */
export const LAYER_INDEX_VERSION = 1;

/** Entries of one line of an index: short enough to parse at once, long enough to be compact. */
export const ENTRIES_PER_BLOCK = 4096;

/** One-letter types in an index. */
const LETTERS: Readonly<Record<TarEntryType, string>> = {
  file: 'f',
  directory: 'd',
  symlink: 'l',
  hardlink: 'h',
  character: 'c',
  block: 'b',
  fifo: 'p',
};
const TYPES = new Map(Object.entries(LETTERS).map(([type, letter]) => [letter, type as TarEntryType]));

/** Entries column by column; what few entries have is a list of [position, value]. */
interface Block {
  types: string;
  paths: string[];
  modes: number[];
  uids: number[];
  gids: number[];
  sizes: number[];
  mtimes: number[];
  offsets: number[];
  links: [number, string][];
  devices: [number, number, number][];
  xattrs: [number, [string, string][]][];
  sparse: [number, number, (readonly [number, number])[]][];
}

/** One line of an index: JSON without a line break. */
export function encodeBlock(entries: readonly IndexedEntry[]): string {
  const block: Block = {
    types: entries.map((entry) => LETTERS[entry.type]).join(''),
    paths: entries.map((entry) => entry.path),
    modes: entries.map((entry) => entry.mode),
    uids: entries.map((entry) => entry.uid),
    gids: entries.map((entry) => entry.gid),
    sizes: entries.map((entry) => entry.size),
    mtimes: entries.map((entry) => entry.mtime),
    offsets: entries.map((entry) => entry.offset),
    links: [],
    devices: [],
    xattrs: [],
    sparse: [],
  };
  entries.forEach((entry, position) => {
    if (entry.linkname !== '') block.links.push([position, entry.linkname]);
    if (entry.type === 'character' || entry.type === 'block') {
      block.devices.push([position, entry.deviceMajor, entry.deviceMinor]);
    }
    if (entry.xattrs !== NO_XATTRS) block.xattrs.push([position, Object.entries(entry.xattrs)]);
    if (entry.sparse !== undefined) block.sparse.push([position, entry.storedSize, [...entry.sparse]]);
  });
  return JSON.stringify(block);
}

/** Reads a line of an index, appending to `entries`. Throws when it is damaged: the index is then made anew. */
export function decodeBlock(line: string, entries: IndexedEntry[]): void {
  const block = JSON.parse(line) as Block;
  const first = entries.length;
  for (let index = 0; index < block.paths.length; index++) {
    const type = TYPES.get(block.types[index] ?? '');
    if (type === undefined) throw new Error('unknown entry type in a layer index');
    const size = block.sizes[index] as number;
    entries.push({
      path: block.paths[index] as string,
      type,
      mode: block.modes[index] as number,
      uid: block.uids[index] as number,
      gid: block.gids[index] as number,
      size,
      mtime: block.mtimes[index] as number,
      linkname: '',
      deviceMajor: 0,
      deviceMinor: 0,
      xattrs: NO_XATTRS,
      offset: block.offsets[index] as number,
      storedSize: size,
    });
  }
  const at = (position: number): IndexedEntry => entries[first + position] as IndexedEntry;
  for (const [position, linkname] of block.links) at(position).linkname = linkname;
  for (const [position, major, minor] of block.devices) {
    at(position).deviceMajor = major;
    at(position).deviceMinor = minor;
  }
  for (const [position, pairs] of block.xattrs) {
    const xattrs = Object.create(null) as Record<string, string>;
    for (const [name, value] of pairs) xattrs[name] = value;
    at(position).xattrs = xattrs;
  }
  for (const [position, storedSize, runs] of block.sparse) {
    at(position).storedSize = storedSize;
    at(position).sparse = runs;
  }
}
