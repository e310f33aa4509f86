import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CpioEntry } from '@bowline/formats';
import { type BlobStore, type Digest, type TaskProgress, withScratchFolder } from '@bowline/host';
import type { Arch } from '@bowline/spec';
import * as z from 'zod';
import { type Derived, DerivedCache } from '../cache/derived-cache.ts';
import type { Toolbox } from '../toolbox/toolbox.ts';
import { collectUserland } from './collect-userland.ts';
import * as contents from './contents.ts';
import { openTarTree } from './file-tree.ts';
import type { InitrdPackages } from './initrd-packages.ts';
import { type ChosenModules, chooseModules, type KernelTree, unpackModules } from './kernel-modules.ts';
import { type InitrdCompression, initrdCompression, packArchive } from './pack-archive.ts';
import { staticFiles } from './static-files.ts';

/** Changes whenever this code makes other bytes of the same inputs. */
const FORMAT = 1;
const FILE = 'initrd.cpio';

export interface InitrdOptions {
  arch: Arch;
  packages: InitrdPackages;
  kernel: KernelTree;
  toolbox: Toolbox;
  store: BlobStore;
  cacheFolder: string;
  scratch: string;
  progress: TaskProgress;
  signal: AbortSignal;
}

/** The universal initrd for one kernel; the per-image archive of `machineCpio` goes before it. */
export interface Initrd {
  path: string;
  sizeBytes: number;
  digest: Digest;
  compression: InitrdCompression;
  cached: boolean;
}

const InitrdRecord = z.strictObject({
  sizeBytes: z.int().min(1),
  digest: z.templateLiteral(['sha256:', z.string().regex(/^[0-9a-f]{64}$/)]),
});
type InitrdRecord = z.infer<typeof InitrdRecord>;

/**
 * Builds the initrd of an architecture and kernel: userland from Debian packages, Bowline's units and scripts, and the
 * kernel's modules. Userland and modules are cached apart, so a new kernel costs only its modules.
 *
 * @throws ImageError `KERNEL_MODULE_MISSING` | `KERNEL_MISSING` | `TOOLBOX_FAILED`, HostError
 */
export async function buildInitrd(options: InitrdOptions): Promise<Initrd> {
  const { cacheFolder, signal } = options;
  const cache = new DerivedCache(join(cacheFolder, 'initrd'));
  const compression = initrdCompression(options.kernel.version);
  const chosen = await chooseModules(options.kernel);
  const parts = [
    await deriveArchive(cache, await userlandKey(options, compression), compression, signal, async () => {
      const tree = await openTarTree(await options.store.path(options.packages.diffId));
      return mergeEntries(await collectUserland(tree, options.arch), await staticFiles());
    }),
    await deriveArchive(cache, modulesKey(chosen, options.toolbox, compression), compression, signal, () =>
      withScratchFolder(options.scratch, (scratch) => unpackModules(chosen, { ...options, scratch })),
    ),
  ];
  const whole = await cache.derive<InitrdRecord>({
    key: digestOf(['whole', FORMAT, ...parts.map(({ record }) => record.digest)]),
    parse: (value) => InitrdRecord.parse(value),
    make: async (folder) => {
      const bytes = await Promise.all(parts.map((part) => readFile(join(part.folder, FILE))));
      return writeArchive(folder, Buffer.concat(bytes));
    },
    signal,
  });
  options.progress.note(`${chosen.modules.length} modules, ${Math.round(whole.record.sizeBytes / 1e6)} MB`);
  const cached = whole.cached && parts.every((part) => part.cached);
  return { path: join(whole.folder, FILE), ...whole.record, compression, cached };
}

function deriveArchive(
  cache: DerivedCache,
  key: Digest,
  compression: InitrdCompression,
  signal: AbortSignal,
  collect: () => Promise<readonly CpioEntry[]>,
): Promise<Derived<InitrdRecord>> {
  return cache.derive<InitrdRecord>({
    key,
    parse: (value) => InitrdRecord.parse(value),
    make: async (folder) => writeArchive(folder, await packArchive(await collect(), compression)),
    signal,
  });
}

async function writeArchive(folder: string, bytes: Uint8Array): Promise<InitrdRecord> {
  await writeFile(join(folder, FILE), bytes);
  return { sizeBytes: bytes.length, digest: `sha256:${createHash('sha256').update(bytes).digest('hex')}` };
}

/** Bowline's own files replace those of the packages. */
function mergeEntries(packages: readonly CpioEntry[], own: readonly CpioEntry[]): CpioEntry[] {
  const merged = new Map<string, CpioEntry>();
  for (const entry of [...packages, ...own]) merged.set(entry.path, entry);
  return [...merged.values()];
}

async function userlandKey(options: InitrdOptions, compression: InitrdCompression): Promise<Digest> {
  const own = (await staticFiles()).map((entry) => {
    if (entry.type !== 'file') return entry;
    const data = typeof entry.data === 'function' ? entry.data() : entry.data;
    return { ...entry, data: createHash('sha256').update(data).digest('hex') };
  });
  return digestOf(['userland', FORMAT, options.arch, options.packages.diffId, compression, contents, own]);
}

function modulesKey(chosen: ChosenModules, toolbox: Toolbox, compression: InitrdCompression): Digest {
  const hash = createHash('sha256');
  for (const { path, data } of chosen.modules) hash.update(`${path}\0${data.length}\0`).update(data);
  for (const { name, data } of chosen.lists) hash.update(`${name}\0${data.length}\0`).update(data);
  return digestOf(['modules', FORMAT, chosen.version, compression, toolbox.digest, hash.digest('hex')]);
}

function digestOf(value: unknown): Digest {
  return `sha256:${createHash('sha256').update(JSON.stringify(value)).digest('hex')}`;
}
