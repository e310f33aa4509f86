import { chmod, copyFile, type FileHandle, lchown, link, lutimes, mkdir, open, symlink } from 'node:fs/promises';
import type { BytePath, IndexedEntry } from '@bowline/formats';
import type { Machine } from '../machine/machine.ts';
import { hostile, join, type Tree } from './tree.ts';

/** What could not be made as the image says. */
export interface Omitted {
  owners: number;
  devices: number;
  xattrs: number;
}

const WHITEOUT = '.wh.';
const OPAQUE = '.wh..wh..opq';
const AUFS = '.wh..wh.';
const CHUNK = 1024 * 1024;
const MKNOD_TIMEOUT_MS = 10_000;

/**
 * Applies a layer to a tree (OCI image spec 1.1, layer.md): first what it removes of the layers below, then what it
 * brings. Folders get their modes and times from {@link finishFolders}, so that read-only ones can be filled.
 */
export async function applyLayer(
  machine: Machine,
  tree: Tree,
  entries: readonly IndexedEntry[],
  spool: string,
  omitted: Omitted,
): Promise<void> {
  const archive = await open(spool, 'r');
  try {
    for (const { path } of entries) await applyWhiteout(tree, path);
    for (const entry of entries) {
      machine.signal.throwIfAborted();
      if (entry.path.split('/').some((name) => name.startsWith(WHITEOUT))) continue;
      await applyEntry(machine, tree, entry, archive, omitted);
    }
  } finally {
    await archive.close();
  }
}

async function applyWhiteout(tree: Tree, path: BytePath): Promise<void> {
  const slash = path.lastIndexOf('/');
  const name = path.slice(slash + 1);
  if (!name.startsWith(WHITEOUT)) return;
  const at = await tree.resolve(path);
  const folder = at.includes('/') ? at.slice(0, at.lastIndexOf('/')) : '';
  if (name === OPAQUE) {
    for (const child of await tree.list(folder)) await tree.remove(join(folder, child));
    return;
  }
  if (name.startsWith(AUFS)) return;
  const victim = name.slice(WHITEOUT.length);
  if (victim === '' || victim === '.' || victim === '..') throw hostile(path, 'is a whiteout that names no file');
  await tree.remove(join(folder, victim));
}

async function applyEntry(
  machine: Machine,
  tree: Tree,
  entry: IndexedEntry,
  archive: FileHandle,
  omitted: Omitted,
): Promise<void> {
  const path = await tree.resolve(entry.path);
  await makeParents(tree, path);
  const there = await tree.stat(path);
  const isFolder = entry.type === 'directory';
  if (there !== undefined && !(isFolder && there.isDirectory())) await tree.remove(path);
  const file = tree.file(path);
  if (Object.keys(entry.xattrs).length > 0) omitted.xattrs += 1;
  switch (entry.type) {
    case 'directory':
      if (!there?.isDirectory()) await mkdir(file, 0o700);
      break;
    case 'file':
      await writeFile(file, entry, archive);
      break;
    case 'symlink':
      await symlink(Buffer.from(entry.linkname, 'latin1'), file);
      break;
    case 'hardlink':
      await makeHardLink(tree, entry, file);
      return;
    default:
      if (!(await makeNode(machine, entry, file))) {
        omitted.devices += 1;
        return;
      }
  }
  await setAttributes(file, entry, omitted);
}

async function makeParents(tree: Tree, path: BytePath): Promise<void> {
  const names = path.split('/').slice(0, -1);
  let at: BytePath = '';
  for (const name of names) {
    at = join(at, name);
    const there = await tree.stat(at);
    if (there?.isDirectory()) continue;
    // A file where an upper layer has a folder: the folder wins, as for an entry of its own.
    if (there !== undefined) await tree.remove(at);
    await mkdir(tree.file(at), 0o755);
  }
}

async function writeFile(file: Buffer, entry: IndexedEntry, archive: FileHandle): Promise<void> {
  const handle = await open(file, 'wx', 0o600);
  try {
    let from = entry.offset;
    for (const [offset, length] of entry.sparse ?? [[0, entry.size] as const]) {
      await copyRange(archive, from, handle, offset, length);
      from += length;
    }
    await handle.truncate(entry.size);
  } finally {
    await handle.close();
  }
}

async function copyRange(
  from: FileHandle,
  fromAt: number,
  to: FileHandle,
  toAt: number,
  length: number,
): Promise<void> {
  const buffer = Buffer.allocUnsafe(Math.min(CHUNK, length));
  for (let done = 0; done < length; ) {
    const { bytesRead } = await from.read(buffer, 0, Math.min(buffer.length, length - done), fromAt + done);
    if (bytesRead === 0) throw new Error('the spooled layer is shorter than its entries');
    await to.write(buffer, 0, bytesRead, toAt + done);
    done += bytesRead;
  }
}

async function makeHardLink(tree: Tree, entry: IndexedEntry, file: Buffer): Promise<void> {
  const target = await tree.resolve(entry.linkname);
  const there = await tree.stat(target);
  if (there === undefined) throw hostile(entry.path, 'is a hard link to a file that is not there');
  if (there.isDirectory()) throw hostile(entry.path, 'is a hard link to a folder');
  await link(tree.file(target), file).catch(async (error: NodeJS.ErrnoException) => {
    // Some file systems limit the links of a file.
    if (error.code !== 'EMLINK') throw error;
    await copyFile(tree.file(target), file);
  });
}

/** Devices and pipes are made by mknod(1): Node cannot. False where only root could, or the program is missing. */
async function makeNode(machine: Machine, entry: IndexedEntry, file: Buffer): Promise<boolean> {
  const program = await machine.program('mknod');
  const path = file.toString('utf8');
  const isText = Buffer.from(path).equals(file);
  if (program === undefined || process.geteuid?.() !== 0 || !isText) return false;
  const letter = { character: 'c', block: 'b', fifo: 'p' }[entry.type as 'character' | 'block' | 'fifo'];
  const numbers = entry.type === 'fifo' ? [] : [String(entry.deviceMajor), String(entry.deviceMinor)];
  const argv: [string, ...string[]] = [program, path, letter, ...numbers];
  return machine.processes.run({ argv, timeoutMs: MKNOD_TIMEOUT_MS, signal: machine.signal }).then(
    () => true,
    () => false,
  );
}

async function setAttributes(file: Buffer, entry: IndexedEntry, omitted: Omitted): Promise<void> {
  if (process.geteuid?.() === 0) await lchown(file, entry.uid, entry.gid);
  else if (entry.uid !== process.geteuid?.()) omitted.owners += 1;
  if (entry.type === 'directory') return;
  // In this order: a change of owner clears the set-id bits.
  if (entry.type !== 'symlink') await chmod(file, entry.mode);
  await lutimes(file, entry.mtime, entry.mtime);
}

/** Gives the folders of all layers their modes and times, deepest first; a later layer decides. */
export async function finishFolders(tree: Tree, layers: readonly (readonly IndexedEntry[])[]): Promise<void> {
  const folders = new Map<BytePath, IndexedEntry>();
  for (const entry of layers.flat()) if (entry.type === 'directory') folders.set(entry.path, entry);
  const deepestFirst = [...folders.values()].toSorted((a, b) => b.path.length - a.path.length);
  for (const entry of deepestFirst) {
    const path = await tree.resolve(entry.path);
    if (!(await tree.stat(path))?.isDirectory()) continue;
    await chmod(tree.file(path), entry.mode);
    await lutimes(tree.file(path), entry.mtime, entry.mtime);
  }
}
