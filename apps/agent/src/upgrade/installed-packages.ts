import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Machine } from '../machine/machine.ts';

const DPKG = '/var/lib/dpkg';
const APK = ['/usr/lib/apk/db/installed', '/lib/apk/db/installed'];
const PACMAN = '/var/lib/pacman/local';

type Add = (name: string | undefined, version: string | undefined) => void;

/**
 * Name and version of what is installed, by the databases of dpkg, apk and pacman, in the way inventories of releases say it;
 * empty where there is none of them.
 */
export async function readInstalledPackages(machine: Machine): Promise<Record<string, string>> {
  const found = new Map<string, Set<string>>();
  const add: Add = (name, version) => {
    if (name === undefined || name === '' || version === undefined || version === '') return;
    found.set(name, (found.get(name) ?? new Set()).add(version));
  };
  await readDpkg(machine, add);
  for (const path of APK) {
    const text = await readText(machine.locate(path));
    for (const paragraph of text.split(/\n\n+/)) add(field(paragraph, 'P:'), field(paragraph, 'V:'));
    if (text !== '') break;
  }
  for (const name of await listFolder(machine.locate(PACMAN))) {
    const [, title, version] = /^(.+)-([^-]+-[^-]+)$/.exec(name) ?? [];
    add(title, version);
  }
  return Object.fromEntries([...found].map(([name, versions]) => [name, [...versions].toSorted().join(', ')]));
}

async function readDpkg(machine: Machine, add: Add): Promise<void> {
  const parts = machine.locate(`${DPKG}/status.d`);
  const files = (await listFolder(parts)).filter((name) => !name.endsWith('.md5sums')).map((name) => join(parts, name));
  for (const path of [machine.locate(`${DPKG}/status`), ...files]) {
    for (const paragraph of (await readText(path)).split(/\n\n+/)) {
      const status = field(paragraph, 'Status: ');
      const isInstalled = status === undefined ? files.includes(path) : status.endsWith(' installed');
      if (isInstalled) add(field(paragraph, 'Package: '), field(paragraph, 'Version: '));
    }
  }
}

function field(paragraph: string, start: string): string | undefined {
  return paragraph
    .split('\n')
    .find((line) => line.startsWith(start))
    ?.slice(start.length)
    .trim();
}

function readText(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => '');
}

function listFolder(path: string): Promise<string[]> {
  return readdir(path).catch(() => []);
}
