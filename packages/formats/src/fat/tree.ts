import { FAT_ENTRY_SIZE, FAT_MAX_DIRECTORY_BYTES, refuse } from './geometry.ts';
import { checkLongName, chooseAlias, encodeExactShortName, encodeLongName } from './names.ts';

/** A file to place on a volume. */
export interface FatFile {
  /** For example `EFI/BOOT/BOOTX64.EFI`; directories above it are made. Case is kept. */
  path: string;
  sizeBytes: number;
}

interface NodeCommon {
  name: string;
  shortName: string;
  /** Entries with the parts of the long name; empty when the short name says everything. */
  longEntries: Uint8Array[];
  sizeBytes: number;
  /** First cluster; 0 until placed and for empty files. */
  cluster: number;
}

/** A file in the tree. */
export interface FileNode extends NodeCommon {
  type: 'file';
  path: string;
}

/** A directory in the tree; `sizeBytes` is what its entries take. */
export interface DirectoryNode extends NodeCommon {
  type: 'directory';
  children: (FileNode | DirectoryNode)[];
}

const MAX_FILE_BYTES = 0xffffffff;

/**
 * Builds the directory tree with short names chosen. Children are in order of their names, so the order of the input
 * does not matter.
 *
 * @throws FormatsError `FORMAT_INPUT` for bad, repeated (case does not count) or conflicting paths and big files.
 */
export function buildTree(files: readonly FatFile[], directories: readonly string[], hasLabel: boolean): DirectoryNode {
  const root = makeDirectory('', []);
  const index = new Map<string, FileNode | DirectoryNode>([['', root]]);
  for (const path of directories) ensureDirectory(index, splitPath(path));
  for (const file of files) addFile(index, file);
  finishDirectory(root, hasLabel ? 1 : 0);
  return root;
}

/** All nodes, a directory before its content. */
export function* walkTree(directory: DirectoryNode): Generator<FileNode | DirectoryNode> {
  yield directory;
  for (const child of directory.children) {
    if (child.type === 'directory') yield* walkTree(child);
    else yield child;
  }
}

type Index = Map<string, FileNode | DirectoryNode>;

function addFile(index: Index, { path, sizeBytes }: FatFile): void {
  if (!Number.isSafeInteger(sizeBytes) || sizeBytes < 0 || sizeBytes > MAX_FILE_BYTES) {
    throw refuse(`${path} of ${sizeBytes} bytes: files must be below 4 GiB`);
  }
  const parts = splitPath(path);
  const parent = ensureDirectory(index, parts.slice(0, -1));
  const key = keyOf(parts);
  const name = parts.at(-1) ?? '';
  if (index.has(key)) throw refuse(`${path}: another entry has this name, upper and lower case apart`);
  const node: FileNode = { type: 'file', path, name, shortName: '', longEntries: [], sizeBytes, cluster: 0 };
  index.set(key, node);
  parent.children.push(node);
}

function ensureDirectory(index: Index, parts: readonly string[]): DirectoryNode {
  const known = index.get(keyOf(parts));
  if (known?.type === 'directory') return known;
  if (known) throw refuse(`${parts.join('/')} as a directory: it is a file too`);
  const parent = ensureDirectory(index, parts.slice(0, -1));
  const node = makeDirectory(parts.at(-1) ?? '', []);
  index.set(keyOf(parts), node);
  parent.children.push(node);
  return node;
}

function makeDirectory(name: string, children: DirectoryNode['children']): DirectoryNode {
  return { type: 'directory', name, shortName: '', longEntries: [], sizeBytes: 0, cluster: 0, children };
}

/** `ownEntries` come before the children: the label in the root, `.` and `..` elsewhere. */
function finishDirectory(directory: DirectoryNode, ownEntries: number): void {
  directory.children.sort((a, b) => (a.name < b.name ? -1 : 1));
  // Names that are short already come first, so that no alias takes one of them away.
  const taken = new Set<string>();
  for (const child of directory.children) {
    child.shortName = encodeExactShortName(child.name) ?? '';
    if (child.shortName !== '') taken.add(child.shortName);
  }
  for (const child of directory.children) {
    if (child.shortName !== '') continue;
    child.shortName = chooseAlias(child.name, taken);
    child.longEntries = encodeLongName(child.name, child.shortName);
  }
  let entries = ownEntries;
  for (const child of directory.children) {
    entries += 1 + child.longEntries.length;
    if (child.type === 'directory') finishDirectory(child, 2);
  }
  directory.sizeBytes = Math.max(1, entries) * FAT_ENTRY_SIZE;
  if (directory.sizeBytes > FAT_MAX_DIRECTORY_BYTES) {
    throw refuse(`${directory.children.length} entries in the directory ${JSON.stringify(directory.name)}`);
  }
}

function splitPath(path: string): string[] {
  const parts = path.split('/');
  for (const part of parts) checkLongName(part);
  return parts;
}

function keyOf(parts: readonly string[]): string {
  return parts.join('/').toUpperCase();
}
