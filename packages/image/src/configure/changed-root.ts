import type { RootChange, RootName, RootReader } from './root-reader.ts';

/** The base with changes already decided on top, so that a unit which the bowl itself brings can be enabled. */
export function withChanges(root: RootReader, changes: readonly RootChange[]): RootReader {
  const latest = new Map(changes.map((change) => [change.path, change]));
  return {
    async read(path) {
      const change = latest.get(path);
      if (change === undefined) return root.read(path);
      return change.kind === 'file' ? change.content : undefined;
    },
    list(folder) {
      const names = new Map<string, RootName>(root.list(folder).map((entry) => [entry.name, entry]));
      for (const change of latest.values()) {
        const at = change.path.lastIndexOf('/');
        if (change.path.slice(0, Math.max(at, 0)) !== folder) continue;
        const name = change.path.slice(at + 1);
        if (change.kind === 'remove') names.delete(name);
        else names.set(name, { name, type: change.kind, linkname: change.kind === 'symlink' ? change.target : '' });
      }
      return [...names.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
    },
  };
}
