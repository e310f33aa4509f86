/** One name of a tree, as far as a merge compares it. */
export interface TreeEntry {
  /** `other`: sockets, devices and pipes; they are left alone. */
  type: 'file' | 'folder' | 'link' | 'other';
  /** Permission bits. */
  mode: number;
  uid: number;
  gid: number;
  /** Bytes; 0 unless it is a file. */
  size: number;
  /** Whole seconds since 1970. */
  mtime: number;
  /** sha256 of a file in hex, or where a link leads; empty when it is not known. */
  content: string;
}

/** Entries by their path, without a slash in front, parents first. */
export type Tree = Map<string, TreeEntry>;

/** True when owner and permissions are the same. */
export function sameOwner(a: TreeEntry, b: TreeEntry): boolean {
  return a.mode === b.mode && a.uid === b.uid && a.gid === b.gid;
}

/** Path of the folder above, empty for a name at the top. */
export function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')));
}
