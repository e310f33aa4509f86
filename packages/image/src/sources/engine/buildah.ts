import { readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { SOURCE_EPOCH } from '@bowline/os-layout';
import type { Arch } from '@bowline/spec';
import { ImageError } from '../../error.ts';
import { ociBuildOptions } from './build-options.ts';
import type { Argv, Engine, EngineBuild, EngineContext, EngineImage } from './engine.ts';
import { runEngine } from './run-engine.ts';

const IMAGE_NAME = 'bowline-build';

/** The private storage of one run: nothing is shared with, or left in, the user's own container storage. */
export interface BuildahStorage {
  root: string;
  runRoot: string;
  driver: 'overlay' | 'vfs';
}

/** Storage folders below a scratch folder. */
export function buildahStorage(scratch: string, driver: BuildahStorage['driver']): BuildahStorage {
  return { root: path.join(scratch, `storage-${driver}`), runRoot: path.join(scratch, `run-${driver}`), driver };
}

/** `buildah` with its storage arguments, then the given ones. */
function buildahArgv(storage: BuildahStorage, ...rest: readonly string[]): Argv {
  return ['buildah', '--root', storage.root, '--runroot', storage.runRoot, '--storage-driver', storage.driver, ...rest];
}

/**
 * `buildah bud` for a Dockerfile: chroot isolation needs no privilege; one layer per stage; every time stamp of the
 * layer is the fixed epoch.
 */
export function budArgv(storage: BuildahStorage, build: EngineBuild, limits: readonly string[] = []): Argv {
  return buildahArgv(storage, 'bud', '--isolation', 'chroot', ...limits, ...ociBuildOptions(build, IMAGE_NAME));
}

/**
 * `--ulimit` arguments that keep the limits of this process, from the text of /proc/self/limits. By itself newer buildah raises them
 * to a million, which the kernel refuses in many containers and to ordinary users.
 */
export function keepLimits(limits: string): string[] {
  const kept = [
    { name: 'nofile', label: 'Max open files', most: 1_048_576 },
    // Rootless buildah of Debian 12 lowers its own to this before it executes anything; raising it again is refused.
    { name: 'nproc', label: 'Max processes', most: 32_768 },
  ];
  return kept.flatMap(({ name, label, most }) => {
    const hard = new RegExp(`^${label}\\s+\\S+\\s+(\\d+)`, 'm').exec(limits)?.[1];
    if (hard === undefined) return [];
    const limit = Math.min(Number(hard), most);
    return ['--ulimit', `${name}=${limit}:${limit}`];
  });
}

async function readLimits(): Promise<string[]> {
  return keepLimits(await readFile('/proc/self/limits', 'utf8').catch(() => ''));
}

/**
 * Runs `work` with a private buildah storage: overlay where the kernel lets us, else vfs (slower, works everywhere).
 * The storage is removed on every path; what belongs to subordinate ids is removed from inside the user namespace.
 * Throws ImageError TOOL_MISSING, ENGINE_FAILED.
 */
export async function withBuildah<T>(
  context: EngineContext,
  work: (storage: BuildahStorage) => Promise<T>,
): Promise<T> {
  const storage = await openStorage(context);
  try {
    return await work(storage);
  } finally {
    await closeStorage(context, storage);
  }
}

async function openStorage(context: EngineContext): Promise<BuildahStorage> {
  const overlay = buildahStorage(context.scratch, 'overlay');
  try {
    await runEngine(context.host, {
      argv: buildahArgv(overlay, 'info'),
      doing: 'preparing its storage',
      scratch: context.scratch,
      signal: context.signal,
      timeoutMs: 60_000,
    });
    return overlay;
  } catch (error) {
    await closeStorage(context, overlay);
    if (!(error instanceof ImageError) || error.code !== 'ENGINE_FAILED') throw error;
    return buildahStorage(context.scratch, 'vfs');
  }
}

async function closeStorage(context: EngineContext, storage: BuildahStorage): Promise<void> {
  if (!context.host.isRoot) {
    await runEngine(context.host, {
      argv: ['buildah', 'unshare', 'rm', '-rf', storage.root, storage.runRoot],
      doing: 'removing its storage',
      scratch: context.scratch,
      // An aborted build still cleans up.
      signal: AbortSignal.timeout(120_000),
    }).catch(() => undefined);
  }
  for (const folder of [storage.root, storage.runRoot]) await rm(folder, { recursive: true, force: true });
}

/** A container made from an OCI layout, to run commands in and commit as one more layer. */
export interface BuildahContainer {
  /** Runs a command inside; throws ImageError ENGINE_FAILED. Returns its standard output. */
  run(argv: Argv, env: Readonly<Record<string, string>>, doing: string): Promise<Uint8Array>;
  /** Copies one file of the host into it, with an octal mode. */
  copy(source: string, target: string, mode: string): Promise<void>;
  /** Commits to an OCI layout folder, uncompressed, all time stamps at the fixed epoch. */
  commit(layoutFolder: string): Promise<void>;
}

/** Opens an image of an OCI layout folder as a container. The container goes with the storage. */
export async function openContainer(
  context: EngineContext,
  storage: BuildahStorage,
  layoutFolder: string,
  arch: Arch,
): Promise<BuildahContainer> {
  const name = 'work';
  const buildah = async (doing: string, ...rest: string[]): Promise<Uint8Array> =>
    (
      await runEngine(context.host, {
        argv: buildahArgv(storage, ...rest),
        doing,
        scratch: context.scratch,
        // Layouts are named relative to it: buildah makes an image name of the path, and refuses capital letters in it.
        cwd: path.dirname(layoutFolder),
        signal: context.signal,
      })
    ).stdout;
  await buildah(
    'opening the base',
    'from',
    ...(await readLimits()),
    '--quiet',
    '--arch',
    arch,
    '--name',
    name,
    `oci:${path.basename(layoutFolder)}:latest`,
  );
  // The default is a random id, which package scripts write into files.
  await buildah('opening the base', 'config', '--hostname', 'localhost', name);
  return {
    run: (argv, env, doing) =>
      buildah(
        doing,
        'run',
        '--isolation',
        'chroot',
        ...Object.keys(env)
          .sort()
          .flatMap((key) => ['--env', `${key}=${env[key]}`]),
        name,
        '--',
        ...argv,
      ),
    copy: async (source, target, mode) => {
      await buildah('copying a file into the base', 'copy', '--quiet', '--chmod', mode, name, source, target);
    },
    commit: async (folder) => {
      await buildah(
        'writing the layer',
        'commit',
        '--quiet',
        '--disable-compression',
        '--format',
        'oci',
        '--timestamp',
        String(SOURCE_EPOCH),
        name,
        `oci:${folder}:latest`,
      );
    },
  };
}

/** The default engine: rootless or root, no daemon. */
export const buildahEngine: Engine = {
  kind: 'buildah',
  async build(build: EngineBuild, context: EngineContext): Promise<EngineImage> {
    const folder = path.join(context.scratch, 'image');
    await withBuildah(context, async (storage) => {
      const run = (argv: Argv, doing: string) =>
        // So that `FROM oci:folder` in a Dockerfile starts at its context.
        runEngine(context.host, {
          argv,
          doing,
          scratch: context.scratch,
          cwd: build.contextFolder,
          signal: context.signal,
        });
      await run(budArgv(storage, build, await readLimits()), `executing ${path.basename(build.dockerfile)}`);
      await run(
        buildahArgv(storage, 'push', '--quiet', '--disable-compression', IMAGE_NAME, `oci:${folder}:latest`),
        'exporting the image',
      );
    });
    return { kind: 'oci-layout', path: folder };
  },
};
