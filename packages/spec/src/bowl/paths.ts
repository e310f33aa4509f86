/** Path arithmetic on `/`-separated paths, without touching a file system; symbolic links are not looked at. */

/** `a/b` of `a/b/bowl.yaml`; `.` when there is no folder. */
export function folderOf(file: string): string {
  const end = file.lastIndexOf('/');
  if (end < 0) return '.';
  return end === 0 ? '/' : file.slice(0, end);
}

/** Takes out `.`, `//` and as many `..` as possible; `.` when nothing is left. */
export function normalizePath(path: string): string {
  const absolute = path.startsWith('/');
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue;
    if (part !== '..') parts.push(part);
    else if (parts.length > 0 && parts.at(-1) !== '..') parts.pop();
    else if (!absolute) parts.push('..');
  }
  const joined = parts.join('/');
  return absolute ? `/${joined}` : joined || '.';
}

/** `path` as seen from `folder`: absolute ones as they are. */
export function joinPath(folder: string, path: string): string {
  return path.startsWith('/') ? path : normalizePath(`${folder}/${path}`);
}

/**
 * The way from one folder to another. An absolute target stays absolute for a relative start. A relative target with an
 * absolute start, or a start that climbs out of where both are known, is a TypeError: the caller must pass absolute paths.
 */
export function relativePath(fromFolder: string, toFolder: string): string {
  const from = normalizePath(fromFolder);
  const to = normalizePath(toFolder);
  if (to.startsWith('/') && !from.startsWith('/')) return to;
  if (from.startsWith('/') && !to.startsWith('/')) {
    throw new TypeError(`no way from ${from} to ${to}: one path is absolute, the other is not`);
  }
  const fromParts = from.split('/').filter((part) => part !== '' && part !== '.');
  const toParts = to.split('/').filter((part) => part !== '' && part !== '.');
  let shared = 0;
  while (shared < fromParts.length && shared < toParts.length && fromParts[shared] === toParts[shared]) shared += 1;
  const up = fromParts.slice(shared);
  if (up.includes('..')) throw new TypeError(`no way from ${from} to ${to}: the name of a folder above is not known`);
  return [...up.map(() => '..'), ...toParts.slice(shared)].join('/') || '.';
}
