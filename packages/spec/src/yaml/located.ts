/** Where something is written; line and column are 1-based. */
export interface Position {
  file: string;
  line: number;
  column: number;
}

export interface LocatedScalar {
  kind: 'scalar';
  value: string | number | boolean | null;
  /** As written, so that a message can say how to quote it. */
  source: string;
  at: Position;
}

export interface LocatedEntry {
  key: string;
  keyAt: Position;
  value: Located;
}

export interface LocatedMap {
  kind: 'map';
  entries: readonly LocatedEntry[];
  at: Position;
}

interface LocatedList {
  kind: 'list';
  items: readonly Located[];
  at: Position;
}

/** A parsed value that knows where each part was written; parts of one tree may come from different files. */
export type Located = LocatedScalar | LocatedMap | LocatedList;

/** Names of keys and indices of list items, outermost first. */
export type Path = readonly (string | number)[];

/** The plain value. Keys are unique and never `__proto__`, which the parser refuses. */
export function toValue(node: Located): unknown {
  if (node.kind === 'scalar') return node.value;
  if (node.kind === 'list') return node.items.map(toValue);
  return Object.fromEntries(node.entries.map((entry) => [entry.key, toValue(entry.value)]));
}

/** The entry of a map by its key. */
export function entryOf(node: Located, key: string): LocatedEntry | undefined {
  return node.kind === 'map' ? node.entries.find((entry) => entry.key === key) : undefined;
}

/** The value of a map's key. */
export function valueOf(node: Located, key: string): Located | undefined {
  return entryOf(node, key)?.value;
}

/** The deepest part that `path` reaches; a key that is missing points at the map that lacks it. */
export function nearestNode(root: Located, path: Path): Located {
  let node = root;
  for (const step of path) {
    const next =
      typeof step === 'number' ? (node.kind === 'list' ? node.items[step] : undefined) : valueOf(node, String(step));
    if (!next) return node;
    node = next;
  }
  return node;
}

/** Gives a plain value the positions of `origin`: each part the position of the same path there, new parts that of the nearest one. */
export function locate(value: unknown, origin: Located): Located {
  const { at } = origin;
  if (Array.isArray(value)) {
    const items = value.map((item, index) =>
      locate(item, (origin.kind === 'list' ? origin.items[index] : undefined) ?? origin),
    );
    return { kind: 'list', items, at };
  }
  if (typeof value === 'object' && value !== null) {
    const known = new Map(origin.kind === 'map' ? origin.entries.map((entry) => [entry.key, entry]) : []);
    const entries = Object.entries(value).map(([key, item]) => {
      const entry = known.get(key);
      return { key, keyAt: entry?.keyAt ?? at, value: locate(item, entry?.value ?? origin) };
    });
    return { kind: 'map', entries, at };
  }
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' || value === null) {
    const source = origin.kind === 'scalar' && origin.value === value ? origin.source : String(value);
    return { kind: 'scalar', value, source, at };
  }
  throw new TypeError(`a document holds no ${typeof value}`);
}

/** `users[0].name`. */
export function formatPath(path: Path): string {
  let text = '';
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`;
    else text += text === '' ? step : `.${step}`;
  }
  return text;
}
