/** The index files that depmod and the kernel build leave beside the modules (modules.dep(5), modules.builtin). */
export interface KernelIndexTexts {
  dep: string;
  alias: string;
  softdep: string;
  builtin: string;
  builtinModinfo: string;
}

/** What a kernel has as modules and built in. Names have `_` for `-`, as the kernel does. */
export interface KernelIndex {
  /** Module name to its path below the module folder. */
  paths: ReadonlyMap<string, string>;
  /** Path to the paths it depends on. */
  dependencies: ReadonlyMap<string, readonly string[]>;
  /** Exact aliases (without wildcards) to module names. */
  aliases: ReadonlyMap<string, readonly string[]>;
  /** Module name to the names and aliases it also asks for. */
  softDependencies: ReadonlyMap<string, readonly string[]>;
  builtin: ReadonlySet<string>;
}

/** Reads the texts; lines that fit no pattern are passed over. */
export function parseKernelIndex(texts: KernelIndexTexts): KernelIndex {
  const paths = new Map<string, string>();
  const dependencies = new Map<string, string[]>();
  for (const [, path = '', list = ''] of texts.dep.matchAll(/^([^:\n]+\.ko(?:\.(?:xz|zst|gz))?):(.*)$/gm)) {
    paths.set(moduleName(path), path);
    dependencies.set(path, list.split(' ').filter(Boolean));
  }
  const aliases = new Map<string, string[]>();
  for (const [, alias = '', name = ''] of texts.alias.matchAll(/^alias (\S+) (\S+)$/gm)) {
    const key = normalizeName(alias);
    aliases.set(key, [...(aliases.get(key) ?? []), normalizeName(name)]);
  }
  const softDependencies = new Map<string, string[]>();
  for (const [, name = '', list = ''] of texts.softdep.matchAll(/^softdep (\S+) (.*)$/gm)) {
    const words = list.split(' ').filter((word) => word !== '' && !word.endsWith(':'));
    softDependencies.set(normalizeName(name), words.map(normalizeName));
  }
  const builtin = new Set<string>();
  for (const line of texts.builtin.split('\n')) if (line !== '') builtin.add(moduleName(line));
  for (const [, name = ''] of texts.builtinModinfo.matchAll(/(?:^|\0)([A-Za-z0-9_-]+)\.[a-z]+=/g)) {
    builtin.add(normalizeName(name));
  }
  return { paths, dependencies, aliases, softDependencies, builtin };
}

/**
 * Paths of the wanted modules and all they need: hard dependencies, and soft ones, which may be aliases (erofs asks
 * for `crypto-crc32c`). An alias brings every module that answers to it. Sorted; unknown names bring nothing.
 */
export function selectModules(index: KernelIndex, wanted: readonly string[]): readonly string[] {
  const chosen = new Set<string>();
  const todo = wanted.map(normalizeName);
  const seen = new Set<string>();
  for (let name = todo.pop(); name !== undefined; name = todo.pop()) {
    if (seen.has(name)) continue;
    seen.add(name);
    todo.push(...(index.aliases.get(name) ?? []));
    const path = index.paths.get(name);
    if (path === undefined) continue;
    chosen.add(path);
    todo.push(...(index.dependencies.get(path) ?? []).map(moduleName), ...(index.softDependencies.get(name) ?? []));
  }
  return [...chosen].sort();
}

/** Which of the names a kernel has neither as a module nor built in. */
export function missingModules(index: KernelIndex, required: readonly string[]): readonly string[] {
  return required.map(normalizeName).filter((name) => !index.paths.has(name) && !index.builtin.has(name));
}

/** Name of the module in a file, as the kernel says it: `-` becomes `_`. */
export function moduleName(path: string): string {
  return normalizeName(path.slice(path.lastIndexOf('/') + 1).replace(/\.ko(?:\.(?:xz|zst|gz))?$/, ''));
}

function normalizeName(name: string): string {
  return name.replaceAll('-', '_');
}
