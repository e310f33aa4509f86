import { open, stat } from 'node:fs/promises';
import { type BytePath, type IndexedEntry, TarParser } from '@bowline/formats';

/** Where the members of a tree come from; later members of a path replace earlier ones. */
export interface TreeSource {
  entries: Iterable<IndexedEntry>;
  /** Bytes of a regular file among `entries`. */
  read(entry: IndexedEntry): Promise<Uint8Array>;
}

const MAX_LINKS = 40;
const READ_BYTES = 2 ** 20;

/**
 * Read access by path to files that are never unpacked. `bin`, `sbin`, `lib` and `lib64` at the top count as the
 * folders below `usr` that they link to on merged systems, whether or not the tree has the links.
 */
export class FileTree {
  readonly #entries = new Map<BytePath, IndexedEntry>();
  readonly #source: TreeSource;

  constructor(source: TreeSource) {
    this.#source = source;
    for (const entry of source.entries) {
      if (!/^(?:bin|sbin|lib|lib64)$/.test(entry.path)) this.#entries.set(mergeUsr(entry.path), entry);
    }
  }

  /** The entry at a path, links not followed; hard links are answered by what they link to. */
  entry(path: BytePath): IndexedEntry | undefined {
    const found = this.#entries.get(mergeUsr(path));
    return found?.type === 'hardlink' ? this.#entries.get(mergeUsr(found.linkname)) : found;
  }

  /** Path of the file or folder that a path leads to, links followed in every part; undefined where it leads nowhere. */
  resolve(path: BytePath): BytePath | undefined {
    const todo = mergeUsr(path).split('/');
    let done: string[] = [];
    for (let links = 0; todo.length > 0; ) {
      const part = todo.shift() ?? '';
      if (part === '' || part === '.') continue;
      if (part === '..') {
        done.pop();
        continue;
      }
      const here = [...done, part].join('/');
      const entry = this.#entries.get(here);
      if (entry?.type !== 'symlink') {
        done.push(part);
        continue;
      }
      if ((links += 1) > MAX_LINKS) return undefined;
      if (entry.linkname.startsWith('/')) done = [];
      const rest = mergeUsr([...done, ...entry.linkname.split('/'), ...todo].filter(Boolean).join('/'));
      done = [];
      todo.splice(0, todo.length, ...rest.split('/'));
    }
    const path_ = done.join('/');
    return this.#entries.has(path_) ? path_ : undefined;
  }

  /** Paths of everything below a folder, in byte order. */
  below(folder: BytePath): readonly BytePath[] {
    const prefix = `${mergeUsr(folder)}/`;
    return [...this.#entries.keys()].filter((path) => path.startsWith(prefix)).sort();
  }

  /** Bytes of the regular file at a path, links followed; undefined where there is none. */
  async read(path: BytePath): Promise<Uint8Array | undefined> {
    const target = this.resolve(path);
    const entry = target === undefined ? undefined : this.entry(target);
    return entry?.type === 'file' ? this.#source.read(entry) : undefined;
  }

  /** Text of a file, '' where there is none. */
  async readText(path: BytePath): Promise<string> {
    const bytes = await this.read(path);
    return bytes === undefined ? '' : new TextDecoder('latin1').decode(bytes);
  }
}

function mergeUsr(path: BytePath): BytePath {
  return /^(?:bin|sbin|lib|lib64)\//.test(path) ? `usr/${path}` : path;
}

/** A tree over an uncompressed tar. The file is opened for each read: nothing stays open. */
export async function openTarTree(tarPath: string): Promise<FileTree> {
  const parser = new TarParser();
  const entries: IndexedEntry[] = [];
  const { size } = await stat(tarPath);
  const handle = await open(tarPath, 'r');
  try {
    const buffer = new Uint8Array(READ_BYTES);
    for (let at = 0; at < size && !parser.ended; ) {
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, at);
      if (bytesRead === 0) break;
      entries.push(...parser.push(buffer.subarray(0, bytesRead)));
      at += bytesRead;
    }
  } finally {
    await handle.close();
  }
  return new FileTree({ entries, read: (entry) => readStored(tarPath, entry) });
}

async function readStored(tarPath: string, entry: IndexedEntry): Promise<Uint8Array> {
  const bytes = new Uint8Array(entry.size);
  const handle = await open(tarPath, 'r');
  try {
    let stored = entry.offset;
    for (const [at, length] of entry.sparse ?? [[0, entry.size] as const]) {
      await handle.read(bytes, at, length, stored);
      stored += length;
    }
    return bytes;
  } finally {
    await handle.close();
  }
}
