import type { Argv } from '../sources/engine/engine.ts';

/** Package name to installed version. Where several versions are installed (kernels), they are joined by a blank. */
export type PackageVersions = Readonly<Record<string, string>>;

/** A file laid into the root while packages are installed, and taken away again. */
export interface GuardFile {
  /** Absolute path inside. */
  path: string;
  content: string;
  /** Octal. */
  mode: string;
}

/** Looks at paths of the base root, relative, without leading slash. */
export interface BaseProbe {
  isFile(path: string): boolean;
}

/** How one family of distributions installs packages. One file each; nothing here runs anything. */
export interface PackageManager {
  readonly kind: 'apt' | 'dnf' | 'zypper' | 'apk' | 'pacman';
  /** Values of ID and ID_LIKE in os-release that mean this package manager. */
  readonly distributions: readonly string[];
  /** The programs it needs, each under any one of these paths. */
  readonly programs: readonly string[];
  /** Environment of every command. */
  readonly environment: Readonly<Record<string, string>>;
  /** Fetches the lists of what there is. */
  refreshArgv(): readonly Argv[];
  /**
   * Installs packages as the bowl wrote them (`name` or `name=version`). With `pinned`, exactly these versions of everything
   * that the first installation brought.
   */
  installArgv(packages: readonly string[], pinned?: PackageVersions): Argv;
  /** Files to lay down first: no services started; pins where the command line cannot carry them. */
  guardFiles(pinned?: PackageVersions): readonly GuardFile[];
  /** Removes lists, caches, logs and whatever else differs from one run to the next. */
  cleanArgv(): readonly Argv[];
  /** Prints the installed packages. */
  listArgv(): Argv;
  parseList(output: string): PackageVersions;
}

/** `name=version` in its two parts. */
export function splitWish(wish: string): { name: string; version: string | undefined } {
  const at = wish.indexOf('=');
  return at < 0 ? { name: wish, version: undefined } : { name: wish.slice(0, at), version: wish.slice(at + 1) };
}

/** Reads lines of `name<TAB>version`; a name that comes twice keeps both versions, sorted. */
export function parseTabList(output: string): PackageVersions {
  const versions = new Map<string, string[]>();
  for (const line of output.split('\n')) {
    const [name, version] = line.split('\t');
    if (!name || !version) continue;
    versions.set(name, [...(versions.get(name) ?? []), version]);
  }
  return fromMap(versions);
}

/** Sorted record of a map, the versions of one name joined. */
export function fromMap(versions: ReadonlyMap<string, readonly string[]>): PackageVersions {
  return Object.fromEntries(
    [...versions].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, all]) => [name, [...all].sort().join(' ')]),
  );
}

/** What an installation brought: packages that are new or have another version. */
export function addedPackages(before: PackageVersions, after: PackageVersions): PackageVersions {
  return Object.fromEntries(Object.entries(after).filter(([name, version]) => before[name] !== version));
}
