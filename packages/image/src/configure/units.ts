import type { Bowl } from '@bowline/spec';
import { ImageError } from '../error.ts';
import { type RootChange, type RootReader, readText, symlink } from './root-reader.ts';

const ADMIN_FOLDER = 'etc/systemd/system';
const UNIT_FOLDERS = [ADMIN_FOLDER, 'usr/local/lib/systemd/system', 'usr/lib/systemd/system', 'lib/systemd/system'];
const LINK_FOLDERS = /\.(wants|requires|upholds)$/;

/** What the [Install] section of a unit asks for (systemd.unit(5)). */
export interface InstallSection {
  wantedBy: string[];
  requiredBy: string[];
  upheldBy: string[];
  alias: string[];
  also: string[];
  defaultInstance: string | undefined;
}

/** Reads the [Install] section; repeated keys add up, an empty value clears. */
export function parseInstallSection(text: string): InstallSection {
  const words: Record<string, string[]> = {};
  let section = '';
  for (const raw of text.split('\n')) {
    const line = raw.trim();
    if (line.startsWith('[')) section = line;
    else if (section === '[Install]' && line.includes('=') && !line.startsWith('#') && !line.startsWith(';')) {
      const at = line.indexOf('=');
      const [key, value] = [line.slice(0, at).trim(), line.slice(at + 1).trim()];
      words[key] = value === '' ? [] : [...(words[key] ?? []), ...value.split(/\s+/)];
    }
  }
  const of = (key: string): string[] => words[key] ?? [];
  return {
    wantedBy: of('WantedBy'),
    requiredBy: of('RequiredBy'),
    upheldBy: of('UpheldBy'),
    alias: of('Alias'),
    also: of('Also'),
    defaultInstance: of('DefaultInstance')[0],
  };
}

/**
 * Units to enable, disable and mask as links below /etc/systemd/system: what `systemctl --root` would do, without running it.
 * Throws SOURCE_MISSING for a unit that the base does not have, with the nearest names.
 */
export async function configureUnits(root: RootReader, units: Bowl['systemd']): Promise<RootChange[]> {
  const changes: RootChange[] = [];
  for (const unit of units.disable) changes.push(...disableUnit(root, unit));
  const done = new Set<string>();
  for (const unit of units.enable) changes.push(...(await enableUnit(root, unit, done, true)));
  for (const unit of units.mask) changes.push(symlink(`${ADMIN_FOLDER}/${unit}`, '/dev/null'));
  return changes;
}

async function enableUnit(root: RootReader, unit: string, done: Set<string>, named: boolean): Promise<RootChange[]> {
  if (done.has(unit)) return [];
  done.add(unit);
  const template = unit.replace(/@[^.]*\./, '@.');
  const home = UNIT_FOLDERS.find((folder) =>
    root.list(folder).some((entry) => entry.name === unit || entry.name === template),
  );
  if (home === undefined) {
    if (!named) return [];
    throw missingUnit(root, unit);
  }
  const file = root.list(home).some((entry) => entry.name === unit) ? unit : template;
  const install = parseInstallSection(await readText(root, `${home}/${file}`));
  const name =
    unit.includes('@.') && install.defaultInstance ? unit.replace('@.', `@${install.defaultInstance}.`) : unit;
  const target = `/${home}/${file}`;
  const link = (kind: string) => (wanter: string) => symlink(`${ADMIN_FOLDER}/${wanter}.${kind}/${name}`, target);
  const changes = [
    ...install.wantedBy.map(link('wants')),
    ...install.requiredBy.map(link('requires')),
    ...install.upheldBy.map(link('upholds')),
    ...install.alias.filter((alias) => alias !== name).map((alias) => symlink(`${ADMIN_FOLDER}/${alias}`, target)),
  ];
  for (const also of install.also) changes.push(...(await enableUnit(root, also, done, false)));
  return changes;
}

function disableUnit(root: RootReader, unit: string): RootChange[] {
  const changes: RootChange[] = [];
  for (const entry of root.list(ADMIN_FOLDER)) {
    if (entry.type === 'symlink' && entry.name !== unit && entry.linkname.endsWith(`/${unit}`)) {
      changes.push({ kind: 'remove', path: `${ADMIN_FOLDER}/${entry.name}` });
    }
    if (entry.type === 'directory' && LINK_FOLDERS.test(entry.name)) {
      const inside = `${ADMIN_FOLDER}/${entry.name}`;
      if (root.list(inside).some((link) => link.name === unit))
        changes.push({ kind: 'remove', path: `${inside}/${unit}` });
    }
  }
  return changes;
}

function missingUnit(root: RootReader, unit: string): ImageError {
  const stem = unit.replace(/[@.].*$/, '');
  const near = UNIT_FOLDERS.flatMap((folder) => root.list(folder).map((entry) => entry.name))
    .filter((name) => name.startsWith(stem.slice(0, Math.max(3, stem.length - 2))))
    .slice(0, 5);
  return new ImageError({
    code: 'SOURCE_MISSING',
    message: `systemd.enable names ${unit}, but the base has no such unit`,
    hint:
      near.length > 0
        ? `it has ${[...new Set(near)].join(', ')}`
        : 'add the package that brings the unit, or drop it from systemd.enable',
  });
}
