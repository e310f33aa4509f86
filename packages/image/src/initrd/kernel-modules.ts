import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { gunzip, zstdDecompress } from 'node:zlib';
import type { CpioEntry } from '@bowline/formats';
import { ImageError } from '../error.ts';
import type { Toolbox } from '../toolbox/toolbox.ts';
import type { FileTree } from './file-tree.ts';
import { type KernelIndex, missingModules, moduleName, parseKernelIndex, selectModules } from './kernel-index.ts';
import { REQUIRED_MODULES, WANTED_MODULES } from './kernel-module-list.ts';

/** A kernel whose modules go into the initrd. */
export interface KernelTree {
  /** As `uname -r` says, and as the folder below `usr/lib/modules` is called. */
  version: string;
  tree: FileTree;
}

/** The modules chosen from a kernel, still packed as the kernel's package has them. */
export interface ChosenModules {
  version: string;
  /** Path below the module folder, and bytes. */
  modules: readonly { path: string; data: Uint8Array }[];
  /** Lists of the kernel that depmod reads. */
  lists: readonly { name: string; data: Uint8Array }[];
}

const TIMEOUT_MS = 5 * 60_000;
const MAX_MODULE_BYTES = 256 * 2 ** 20;
const unpackGzip = promisify(gunzip);
const unpackZstd = promisify(zstdDecompress);

/**
 * Makes sure, from its lists alone, that a kernel can start an image.
 *
 * @throws ImageError `KERNEL_MISSING` when the kernel has no module index, `KERNEL_MODULE_MISSING`, which names what it lacks.
 */
export async function requireModules({ version, tree }: KernelTree): Promise<void> {
  refuseMissing(await readIndex(tree, `usr/lib/modules/${version}`, version), version);
}

/** Names of the modules that the initrd of a kernel brings, and of those built in, sorted; `_` for `-`. Throws as `chooseModules`. */
export async function listInitrdModules({ version, tree }: KernelTree): Promise<string[]> {
  const index = await readIndex(tree, `usr/lib/modules/${version}`, version);
  return [...new Set([...selectModules(index, WANTED_MODULES).map(moduleName), ...index.builtin])].sort();
}

/**
 * Chooses and reads the modules of the positive list.
 *
 * @throws ImageError `KERNEL_MISSING` when the kernel has no module index, `KERNEL_MODULE_MISSING` when the kernel
 *   cannot start an image.
 */
export async function chooseModules({ version, tree }: KernelTree): Promise<ChosenModules> {
  const folder = `usr/lib/modules/${version}`;
  const index = await readIndex(tree, folder, version);
  refuseMissing(index, version);
  const modules = await Promise.all(
    selectModules(index, WANTED_MODULES).map(async (path) => {
      const data = await tree.read(`${folder}/${path}`);
      if (data !== undefined) return { path, data };
      throw new ImageError({
        code: 'KERNEL_MODULE_MISSING',
        message: `modules.dep of the kernel ${version} names ${path}, which is not there`,
        hint: 'The kernel was only copied in part: take its whole folder below /usr/lib/modules.',
      });
    }),
  );
  const lists: { name: string; data: Uint8Array }[] = [];
  for (const name of ['modules.builtin', 'modules.builtin.modinfo', 'modules.order']) {
    const data = await tree.read(`${folder}/${name}`);
    if (data !== undefined) lists.push({ name, data });
  }
  return { version, modules, lists };
}

function refuseMissing(index: KernelIndex, version: string): void {
  const missing = missingModules(index, REQUIRED_MODULES);
  if (missing.length === 0) return;
  throw new ImageError({
    code: 'KERNEL_MODULE_MISSING',
    message: `the kernel ${version} has no ${missing.join(', ')}, neither as a module nor built in; an image cannot start without`,
    hint: 'Choose another kernel with `kernel:`, or install the package that holds its further modules.',
    details: { kernelVersion: version, modules: missing },
  });
}

async function readIndex(tree: FileTree, folder: string, version: string): Promise<KernelIndex> {
  const texts = {
    dep: await tree.readText(`${folder}/modules.dep`),
    alias: await tree.readText(`${folder}/modules.alias`),
    softdep: await tree.readText(`${folder}/modules.softdep`),
    builtin: await tree.readText(`${folder}/modules.builtin`),
    builtinModinfo: await tree.readText(`${folder}/modules.builtin.modinfo`),
  };
  if (texts.dep !== '' || texts.builtin !== '') return parseKernelIndex(texts);
  throw new ImageError({
    code: 'KERNEL_MISSING',
    message: `/usr/lib/modules/${version} has neither modules.dep nor modules.builtin`,
    hint: 'The kernel needs its modules: install the package they are in, or run depmod where they are made.',
  });
}

/**
 * Unpacks the modules (zstd of the whole archive does better than xz of each) and indexes them with the toolbox's
 * depmod.
 *
 * @param scratch a private empty folder
 */
export async function unpackModules(
  chosen: ChosenModules,
  options: { toolbox: Toolbox; scratch: string; signal: AbortSignal },
): Promise<CpioEntry[]> {
  const folder = join(options.scratch, 'lib/modules', chosen.version);
  await mkdir(folder, { recursive: true });
  const packed: string[] = [];
  for (const { path, data } of chosen.modules) {
    const target = join(folder, path);
    await mkdir(dirname(target), { recursive: true });
    if (path.endsWith('.xz')) packed.push(`/w/lib/modules/${chosen.version}/${path}`);
    await writeFile(path.endsWith('.xz') ? target : target.replace(/\.(?:gz|zst)$/, ''), await unpack(path, data));
  }
  for (const { name, data } of chosen.lists) await writeFile(join(folder, name), data);
  const run = async (argv: readonly [string, ...string[]]): Promise<void> => {
    const binds = [{ source: options.scratch, target: '/w', writable: true }];
    await options.toolbox.run({ argv, binds, timeoutMs: TIMEOUT_MS, signal: options.signal });
  };
  if (packed.length > 0) await run(['xz', '--decompress', '--threads=0', '--', ...packed]);
  await run(['depmod', '-b', '/w', chosen.version]);
  return readFolder(folder, `usr/lib/modules/${chosen.version}`);
}

async function unpack(path: string, data: Uint8Array): Promise<Uint8Array> {
  if (path.endsWith('.gz')) return unpackGzip(data, { maxOutputLength: MAX_MODULE_BYTES });
  if (path.endsWith('.zst')) return unpackZstd(data, { maxOutputLength: MAX_MODULE_BYTES });
  return data;
}

async function readFolder(folder: string, target: string): Promise<CpioEntry[]> {
  const found = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = found.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return Promise.all(
    files.map(async (file): Promise<CpioEntry> => {
      const path = `${target}/${file.slice(folder.length + 1)}`;
      return { type: 'file', path, mode: 0o644, data: new Uint8Array(await readFile(file)) };
    }),
  );
}
