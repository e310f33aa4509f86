/**
 * Rules between keys that the schema alone cannot say, as data: the loader reports them, the JSON Schema and the reference
 * show them, forms may use them. Paths are those of the schema (`files[].content`).
 */
export type Rule =
  /** The map must have exactly one of the keys; those of `beside` are no part of the choice. */
  | { kind: 'exactly-one'; path: string; keys: readonly string[]; beside?: readonly string[] }
  /** No two items alike; `key`: in that key of the items. */
  | { kind: 'unique'; path: string; key?: string; severity: 'error' | 'warning' }
  /** No item in more than one of the lists; with `extends`, an item of the extending bowl leaves the inherited other lists. */
  | { kind: 'disjoint'; lists: readonly string[] }
  /** A key that does nothing beside another. */
  | { kind: 'no-effect'; path: string; key: string; beside: string }
  /** A map by architecture must have a value for each one in `arch`. */
  | { kind: 'each-arch'; path: string };

export const RULES: readonly Rule[] = [
  { kind: 'exactly-one', path: 'base', keys: ['image', 'dockerfile', 'debian', 'rootfs'] },
  { kind: 'exactly-one', path: 'kernel', keys: ['debian', 'image', 'rootfs'] },
  { kind: 'exactly-one', path: 'firmware[]', keys: ['debian', 'image', 'rootfs'] },
  {
    kind: 'exactly-one',
    path: 'files[]',
    keys: ['content', 'source', 'symlink'],
    beside: ['path', 'mode', 'uid', 'gid'],
  },
  { kind: 'exactly-one', path: 'cloudConfig', keys: ['file', 'inline'] },
  ...['checks.command[]', 'upgrade.hooks.beforeUpgrade[]', 'upgrade.hooks.afterRollback[]'].map(
    (path): Rule => ({ kind: 'exactly-one', path, keys: ['argv', 'run'], beside: ['timeout'] }),
  ),
  { kind: 'unique', path: 'arch', severity: 'error' },
  { kind: 'unique', path: 'outputs', severity: 'error' },
  { kind: 'unique', path: 'users', key: 'name', severity: 'error' },
  { kind: 'unique', path: 'users', key: 'uid', severity: 'error' },
  { kind: 'unique', path: 'files', key: 'path', severity: 'error' },
  { kind: 'unique', path: 'packages', severity: 'warning' },
  { kind: 'unique', path: 'checks.units', severity: 'warning' },
  { kind: 'unique', path: 'upgrade.trustedKeys', severity: 'warning' },
  { kind: 'disjoint', lists: ['systemd.enable', 'systemd.disable', 'systemd.mask'] },
  { kind: 'no-effect', path: 'files[]', key: 'mode', beside: 'symlink' },
  { kind: 'each-arch', path: 'base.rootfs' },
  { kind: 'each-arch', path: 'kernel.rootfs' },
  { kind: 'each-arch', path: 'firmware[].rootfs' },
];
