/** A name in a folder of the base root. */
export interface RootName {
  name: string;
  type: 'file' | 'directory' | 'symlink' | 'other';
  /** Target, of a symlink. */
  linkname: string;
}

/** Read access to the composed base, symlinks followed inside it: what configuration must know before it adds. */
export interface RootReader {
  /** Bytes of a regular file, or undefined where there is none. `path` has no leading slash. */
  read(path: string): Promise<Uint8Array | undefined>;
  /** Names in a folder, sorted; empty where there is no such folder. */
  list(folder: string): readonly RootName[];
}

/** One change that configuration makes to the root; later ones of the same path win. */
export type RootChange =
  | { kind: 'file'; path: string; content: Uint8Array; mode: number; uid: number; gid: number }
  | { kind: 'directory'; path: string; mode: number; uid: number; gid: number }
  | { kind: 'symlink'; path: string; target: string; uid: number; gid: number }
  | { kind: 'remove'; path: string };

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A root-owned text file. */
export function textFile(path: string, text: string, mode = 0o644): RootChange {
  return { kind: 'file', path, content: encoder.encode(text), mode, uid: 0, gid: 0 };
}

/** A root-owned symbolic link. */
export function symlink(path: string, target: string): RootChange {
  return { kind: 'symlink', path, target, uid: 0, gid: 0 };
}

/** Text of a file of the base, '' where there is none. */
export async function readText(root: RootReader, path: string): Promise<string> {
  const bytes = await root.read(path);
  return bytes === undefined ? '' : decoder.decode(bytes);
}
