import { createHash } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type BlobStore, type Digest, LocalBlobStore, withScratchFolder, writeFileAtomic } from '@bowline/host';
import { type Arch, type BowlLock, formatLock, parseLock } from '@bowline/spec';
import { buildAgent } from '../agent/build-agent.ts';
import { fetchInitrdPackages, type InitrdPackages } from '../initrd/initrd-packages.ts';
import { type ResolvedBowl, resolveBowl } from '../resolve/resolve-bowl.ts';
import type { LayerRef } from '../sources/source.ts';
import { prepareToolbox } from '../toolbox/prepare-toolbox.ts';
import type { Toolbox } from '../toolbox/toolbox.ts';
import type { BuildEnvironment, FetchOptions } from './options.ts';
import { ownCodeDigest } from './own-digest.ts';
import { withShownLock } from './shown-lock.ts';

/** The inputs of a bowl, all in the store, and what Bowline itself brings. */
export interface Inputs {
  resolved: ResolvedBowl;
  store: BlobStore;
  toolbox: () => Promise<Toolbox>;
  initrdPackages: (arch: Arch) => Promise<InitrdPackages>;
  /** The agent with its libraries, as a layer. */
  agent: (arch: Arch) => Promise<LayerRef>;
  bowlFolder: string;
  lockPath: string;
  /** What `bowl.lock` said before; undefined where there was none. */
  oldLock: BowlLock | undefined;
  scratch: string;
}

/**
 * Gets every input of a bowl into the store and hands them to `work`, in a private scratch folder that is removed on every path.
 * One bowl is worked on once at a time; a second caller waits.
 *
 * @throws ImageError LOCK_STALE | OFFLINE_MISSING | SOURCE_CHANGED | SOURCE_MISSING, SpecError LOCK_INVALID, HostError
 */
export async function withInputs<T>(
  options: FetchOptions,
  env: BuildEnvironment,
  work: (inputs: Inputs) => Promise<T>,
): Promise<T> {
  const { cacheFolder, signal } = options;
  const lockPath = join(dirname(options.bowlPath), 'bowl.lock');
  const locks = join(cacheFolder, 'locks');
  await mkdir(locks, { recursive: true });
  const name = createHash('sha256').update(options.bowlPath).digest('hex');
  const title = `waiting for another build of ${options.bowl.name}`;
  return withShownLock(join(locks, name), title, { progress: env.progress, signal }, () =>
    withScratchFolder(join(cacheFolder, 'scratch'), async (scratch) =>
      work(await readInputs(options, env, lockPath, scratch)),
    ),
  );
}

async function readInputs(
  options: FetchOptions,
  env: BuildEnvironment,
  lockPath: string,
  scratch: string,
): Promise<Inputs> {
  const { cacheFolder, signal, offline, update } = options;
  const { host, progress } = env;
  const store = await LocalBlobStore.open(join(cacheFolder, 'store'));
  const oldLock = await readLock(lockPath);
  const toolbox = once(() =>
    progress.task('toolbox', (task) =>
      prepareToolbox({ host, cacheFolder, store, progress: task, signal, offline, refresh: update }),
    ),
  );
  const initrdPackages = onceEach((arch: Arch) =>
    progress.task(`initrd packages ${arch}`, (task) => {
      const locked = oldLock?.arch[arch]?.bowline['initrd'];
      return fetchInitrdPackages({
        arch,
        host,
        store,
        cacheFolder,
        scratch,
        locked,
        offline,
        update,
        progress: task,
        signal,
      });
    }),
  );
  const agent = onceEach(async (arch: Arch) => {
    const parts = { toolbox: await toolbox(), packages: await initrdPackages(arch) };
    return progress.task(`agent ${arch}`, (task) =>
      buildAgent({
        ...parts,
        source: options.agent,
        arch,
        host,
        store,
        cacheFolder,
        scratch,
        offline,
        progress: task,
        signal,
      }),
    );
  });
  const bowlineParts = async (arch: Arch): Promise<Record<string, Digest>> => ({
    toolbox: (await toolbox()).digest,
    initrd: (await initrdPackages(arch)).diffId,
    agent: (await agent(arch)).diffId,
    runtime: await ownCodeDigest(arch),
  });
  const bowlFolder = dirname(options.bowlPath);
  const resolved = await resolveBowl({
    ...options,
    host,
    progress,
    store,
    bowlFolder,
    lock: oldLock,
    inheritedLocks: await readInheritedLocks(options.extendedFolders ?? []),
    scratch,
    digestMemory: join(cacheFolder, 'file-digests.json'),
    toolbox,
    bowlineParts,
  });
  return { resolved, store, toolbox, initrdPackages, agent, bowlFolder, lockPath, oldLock, scratch };
}

/** Writes the lock when it says something new; machines and colleagues see no change where there is none. */
export async function saveLock(lock: BowlLock, inputs: Pick<Inputs, 'lockPath' | 'oldLock'>): Promise<void> {
  const text = formatLock(lock);
  if (inputs.oldLock === undefined || formatLock(inputs.oldLock) !== text) await writeFileAtomic(inputs.lockPath, text);
}

async function readLock(path: string): Promise<BowlLock | undefined> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  return text === undefined ? undefined : parseLock(text, path);
}

/** A lock of another bowl that is no lock is that bowl's trouble. */
async function readInheritedLocks(folders: readonly string[]): Promise<BowlLock[]> {
  const locks = await Promise.all(folders.map((folder) => readLock(join(folder, 'bowl.lock')).catch(() => undefined)));
  return locks.filter((lock) => lock !== undefined);
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => (made ??= make());
}

function onceEach<K, T>(make: (key: K) => Promise<T>): (key: K) => Promise<T> {
  const made = new Map<K, Promise<T>>();
  return (key) => {
    const value = made.get(key) ?? make(key);
    made.set(key, value);
    return value;
  };
}
