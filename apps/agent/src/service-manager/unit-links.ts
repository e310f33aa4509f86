import { lstat, mkdir, readdir, readFile, readlink, rm, stat, symlink } from 'node:fs/promises';
import { dirname, join, posix } from 'node:path';
import type { Machine } from '../machine/machine.ts';
import { stepFailed } from '../step-error.ts';

const ADMIN_FOLDER = '/etc/systemd/system';
const UNIT_FOLDERS = [ADMIN_FOLDER, '/usr/local/lib/systemd/system', '/usr/lib/systemd/system', '/lib/systemd/system'];
const INSTALL_KEYS = ['WantedBy', 'RequiredBy', 'UpheldBy', 'Alias', 'Also', 'DefaultInstance'] as const;
type Install = Record<(typeof INSTALL_KEYS)[number], string[]>;

/** True where there are units of systemd(1), whether or not there is a systemctl. */
export async function hasUnits(machine: Machine): Promise<boolean> {
  const stats = await stat(machine.locate('/usr/lib/systemd/system')).catch(() => undefined);
  return stats?.isDirectory() ?? false;
}

/** Enables a unit as `systemctl enable` does, by the links that its section [Install] asks for. Throws STEP_FAILED. */
export async function enableByLinks(machine: Machine, unit: string, seen = new Set<string>()): Promise<void> {
  if (seen.has(unit)) return;
  seen.add(unit);
  const { path, install } = await findUnit(machine, unit);
  for (const link of linksOf(unit, install)) await makeLink(machine, link, path);
  for (const other of install.Also) await enableByLinks(machine, other, seen);
}

/** Removes every link to a unit that enabling made. */
export async function disableByLinks(machine: Machine, unit: string): Promise<void> {
  const folder = machine.locate(ADMIN_FOLDER);
  const { path } = await findUnit(machine, unit);
  const entries = await readdir(folder, { withFileTypes: true, recursive: true }).catch(() => []);
  for (const entry of entries.filter((candidate) => candidate.isSymbolicLink())) {
    const link = join(entry.parentPath, entry.name);
    if (entry.name === unit || (await readlink(link)) === path) await rm(link);
  }
}

/** Makes a unit impossible to start. */
export async function maskByLink(machine: Machine, unit: string): Promise<void> {
  await makeLink(machine, join(ADMIN_FOLDER, unit), '/dev/null');
}

function linksOf(unit: string, install: Install): string[] {
  const [, template, instance, suffix] = /^([^@]*@)([^.]*)(\..+)$/.exec(unit) ?? [];
  const name = instance === '' ? `${template}${install.DefaultInstance[0] ?? ''}${suffix}` : unit;
  const below = (targets: readonly string[], kind: string) =>
    targets.map((target) => join(ADMIN_FOLDER, `${target}.${kind}`, name));
  return [
    ...below(install.WantedBy, 'wants'),
    ...below(install.RequiredBy, 'requires'),
    ...below(install.UpheldBy, 'upholds'),
    ...install.Alias.map((alias) => join(ADMIN_FOLDER, alias)),
  ].filter((link) => posix.dirname(link).startsWith(ADMIN_FOLDER));
}

async function findUnit(machine: Machine, unit: string): Promise<{ path: string; install: Install }> {
  for (const name of [unit, unit.replace(/@[^.]+\./, '@.')]) {
    for (const folder of UNIT_FOLDERS) {
      const path = posix.join(folder, name);
      const isFile = (await lstat(machine.locate(path)).catch(() => undefined))?.isFile();
      if (isFile) return { path, install: parseInstall(await readFile(machine.locate(path), 'utf8')) };
    }
  }
  throw stepFailed(`there is no unit ${unit}`, 'Check the name, and that the package is in the bowl.');
}

function parseInstall(text: string): Install {
  const install = Object.fromEntries(INSTALL_KEYS.map((key) => [key, [] as string[]])) as Install;
  let section = '';
  for (const line of text.replaceAll('\\\n', ' ').split('\n')) {
    section = /^\[(.+)\]/.exec(line.trim())?.[1] ?? section;
    const [, key = '', value = ''] = /^\s*([A-Za-z]+)\s*=(.*)$/.exec(line) ?? [];
    const known = INSTALL_KEYS.find((candidate) => candidate === key);
    if (section !== 'Install' || known === undefined) continue;
    // A value that is empty takes back those before it.
    install[known] = value.trim() === '' ? [] : [...install[known], ...value.trim().split(/\s+/)];
  }
  return install;
}

async function makeLink(machine: Machine, link: string, target: string): Promise<void> {
  const at = machine.locate(link);
  const old = await readlink(at).catch(() => undefined);
  if (old === target) return;
  if (old === undefined && (await lstat(at).catch(() => undefined)) !== undefined) {
    throw stepFailed(`${link} is a file, where a link is needed`, 'Remove it first.');
  }
  await mkdir(dirname(at), { recursive: true });
  await rm(at, { force: true });
  await symlink(target, at);
}
