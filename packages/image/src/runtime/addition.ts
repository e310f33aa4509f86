import type { Addition } from '../compose/additions.ts';

/** A link that root owns. */
export function symlink(path: string, linkname: string): Addition {
  return { path, type: 'symlink', mode: 0o777, uid: 0, gid: 0, linkname };
}

/** A text file that root owns and everybody may read. */
export function textFile(path: string, text: string): Addition {
  return { path, type: 'file', mode: 0o644, uid: 0, gid: 0, content: new TextEncoder().encode(text) };
}
