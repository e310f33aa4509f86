import { type RootReader, readText } from '../configure/root-reader.ts';
import { readRpmPackages } from './rpm-database.ts';

const DPKG = 'var/lib/dpkg';
const APK = ['usr/lib/apk/db/installed', 'lib/apk/db/installed'];
const PACMAN = 'var/lib/pacman/local';

/**
 * Name and version of the packages of a root, from the databases of dpkg, rpm, apk and pacman; empty where there is none of them.
 * A name that is installed for several architectures, or in several versions, has all versions, separated by commas.
 */
export async function readInstalledPackages(root: RootReader): Promise<Record<string, string>> {
  const found = new Map<string, Set<string>>();
  const add = (name: string | undefined, version: string | undefined): void => {
    if (!name || !version) return;
    found.set(name, (found.get(name) ?? new Set()).add(version));
  };
  await readDpkg(root, add);
  for (const [name, version] of await readRpmPackages(root)) add(name, version);
  await readApk(root, add);
  readPacman(root, add);
  const sorted = [...found].sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(sorted.map(([name, versions]) => [name, [...versions].sort().join(', ')]));
}

type Add = (name: string | undefined, version: string | undefined) => void;

/** `status`, and the files of `status.d`, which images without dpkg have (deb-control(5), dpkg(1)). */
async function readDpkg(root: RootReader, add: Add): Promise<void> {
  const parts = root.list(`${DPKG}/status.d`).filter(({ name }) => !name.endsWith('.md5sums'));
  for (const path of [`${DPKG}/status`, ...parts.map(({ name }) => `${DPKG}/status.d/${name}`)]) {
    const text = await readText(root, path);
    for (const paragraph of text.split(/\n\n+/)) {
      const status = field(paragraph, 'Status');
      if (status === undefined ? path.includes('.d/') : status.endsWith(' installed')) {
        add(field(paragraph, 'Package'), field(paragraph, 'Version'));
      }
    }
  }
}

/** Paragraphs of one-letter fields (apk-package(5)). */
async function readApk(root: RootReader, add: Add): Promise<void> {
  for (const path of APK) {
    const text = await readText(root, path);
    for (const paragraph of text.split(/\n\n+/)) add(field(paragraph, 'P', ''), field(paragraph, 'V', ''));
    if (text !== '') return;
  }
}

/** A folder for each package: `name-version-release`. */
function readPacman(root: RootReader, add: Add): void {
  for (const { name, type } of root.list(PACMAN)) {
    const match = /^(.+)-([^-]+-[^-]+)$/.exec(name);
    if (type === 'directory') add(match?.[1], match?.[2]);
  }
}

function field(paragraph: string, name: string, space = ' '): string | undefined {
  const start = `${name}:${space}`;
  return paragraph
    .split('\n')
    .find((line) => line.startsWith(start))
    ?.slice(start.length)
    .trim();
}
