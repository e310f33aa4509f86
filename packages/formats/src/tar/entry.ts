/**
 * A path or link target as bytes: each UTF-16 unit holds one byte (latin-1), so names that are not UTF-8 survive
 * and plain `<` sorts in byte order. Relative to the root, no leading `/` or `./`, no trailing `/`; the root itself is ''.
 */
export type BytePath = string;

export type TarEntryType = 'file' | 'directory' | 'symlink' | 'hardlink' | 'character' | 'block' | 'fifo';

/** One member of a tar archive, decoded from ustar, GNU (long names, sparse) and PAX headers. */
export interface TarEntry {
  path: BytePath;
  type: TarEntryType;
  /** Permission bits with setuid, setgid and sticky: 0 to 0o7777. */
  mode: number;
  uid: number;
  gid: number;
  /** Logical size in bytes; 0 unless a file. */
  size: number;
  /** Seconds since the epoch, whole. */
  mtime: number;
  /** Target of a symlink (as written) or a hard link (normalised like `path`). */
  linkname: BytePath;
  deviceMajor: number;
  deviceMinor: number;
  /** Extended attributes; values byte for byte (latin-1 strings), names like `security.capability`. */
  xattrs: Record<string, string>;
}

/** An entry with the place of its bytes in an uncompressed archive, so that content is read by offset, never unpacked. */
export interface IndexedEntry extends TarEntry {
  /** Offset of the first stored data byte in the archive. */
  offset: number;
  /** Stored bytes; differs from `size` only for sparse files. */
  storedSize: number;
  /** Sparse map: data runs as [logical offset, length], stored one after the other from `offset`. */
  sparse?: readonly (readonly [number, number])[];
}
