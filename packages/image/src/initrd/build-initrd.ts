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
import { REQUIRED_MODULES, WANTED_MODULES } from './kernel-module-list.ts';
import { type ChosenModules, chooseModules, type KernelTree, unpackModules } from './kernel-modules.ts';
import { type InitrdCompression, initrdCompression, packArchive } from './pack-archive.ts';
import { staticFiles } from './static-files.ts';

/** Changes whenever this code makes other bytes of the same inputs. */
const FORMAT = 1;
const FILE = 'initrd.cpio';

export interface InitrdOptions {
  arch: Arch;
  packages: InitrdPackages;
  /** Read only when the modules of this root were never chosen before. */
  kernel: () => Promise<KernelTree>;
  kernelVersion: string;
  /** Digest of what the root with the kernel in it is made from. */
  rootKey: Digest;
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

/** What choosing the modules of a root came to. */
const ChoiceRecord = z.strictObject({ modules: z.int().min(0), digest: InitrdRecord.shape.digest });

/**
 * Builds the initrd of an architecture and kernel: userland from Debian packages, Bowline's units and scripts, and the
 * kernel's modules. Userland and modules are cached apart, so a new kernel costs only its modules; what was chosen from a root
 * is remembered, so that the root and its modules are not read again.
 *
 * @throws ImageError `KERNEL_MODULE_MISSING` | `KERNEL_MISSING` | `TOOLBOX_FAILED`, HostError
 */
export async function buildInitrd(options: InitrdOptions): Promise<Initrd> {
  const { cacheFolder, signal } = options;
  const cache = new DerivedCache(join(cacheFolder, 'initrd'));
  const compression = initrdCompression(options.kernelVersion);
  let reading: Promise<ChosenModules> | undefined;
  const chosen = (): Promise<ChosenModules> => (reading ??= options.kernel().then(chooseModules));
  const { record: choice } = await cache.derive({
    key: digestOf(['choice', FORMAT, options.rootKey, REQUIRED_MODULES, WANTED_MODULES]),
    parse: (value) => ChoiceRecord.parse(value),
    make: async () => digestChoice(await chosen()),
    signal,
  });
  const modulesKey = digestOf(['modules', FORMAT, options.kernelVersion, compression, options.toolbox.digest, choice]);
  const parts = [
    await deriveArchive(cache, await userlandKey(options, compression), compression, signal, async () => {
      const tree = await openTarTree(await options.store.path(options.packages.diffId));
      return mergeEntries(await collectUserland(tree, options.arch), await staticFiles());
    }),
    await deriveArchive(cache, modulesKey, compression, signal, () =>
      withScratchFolder(options.scratch, async (scratch) => unpackModules(await chosen(), { ...options, scratch })),
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
  options.progress.note(`${choice.modules} modules, ${Math.round(whole.record.sizeBytes / 1e6)} MB`);
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

function digestChoice(chosen: ChosenModules): z.infer<typeof ChoiceRecord> {
  const hash = createHash('sha256');
  for (const { path, data } of chosen.modules) hash.update(`${path}\0${data.length}\0`).update(data);
  for (const { name, data } of chosen.lists) hash.update(`${name}\0${data.length}\0`).update(data);
  return { modules: chosen.modules.length, digest: `sha256:${hash.digest('hex')}` };
}

function digestOf(value: unknown): Digest {
  return `sha256:${createHash('sha256').update(JSON.stringify(value)).digest('hex')}`;
}
