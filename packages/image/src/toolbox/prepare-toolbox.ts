import { createHash } from 'node:crypto';
import { mkdir, rename, stat, symlink, writeFile } from 'node:fs/promises';
import { arch as nodeArch } from 'node:os';
import { join } from 'node:path';
import {
  type BlobStore,
  type Host,
  HostError,
  removeTree,
  type TaskProgress,
  withFileLock,
  withScratchFolder,
} from '@bowline/host';
import type { Arch } from '@bowline/spec';
import { ImageError } from '../error.ts';
import { runMmdebstrap } from './debian-tree.ts';
import { chooseEntrance } from './enter-toolbox.ts';
import type { Toolbox, ToolboxRun } from './toolbox.ts';
import { TOOLBOX_RECIPE, TOOLBOX_SUITE, type ToolboxRecord, toolboxIdentity, toolboxParts } from './toolbox-recipe.ts';
import { readToolboxRecord, toolboxFolder, writeToolboxRecord } from './toolbox-record.ts';

const UNPACK_TIMEOUT_MS = 10 * 60_000;
/** Written last, so that a folder without it is not whole. */
const STAMP = '.complete';

/** What preparing the toolbox needs. */
export interface PrepareToolboxOptions {
  host: Host;
  cacheFolder: string;
  store: BlobStore;
  progress: TaskProgress;
  signal: AbortSignal;
  /** No network: only the store may answer. */
  offline: boolean;
  /** Make it anew from what the mirror has now. */
  refresh?: boolean;
}

/**
 * The toolbox, made on first use: Debian packages extracted (no maintainer script runs), kept as tars in the store and
 * unpacked below `<cache>/toolbox/`. A second caller waits for the first. Throws ImageError OFFLINE_MISSING,
 * TOOLBOX_FAILED, TOOL_MISSING or SOURCE_MISSING, HostError.
 */
export async function prepareToolbox(options: PrepareToolboxOptions): Promise<Toolbox> {
  const { cacheFolder, progress, signal } = options;
  const known = options.refresh ? undefined : await unpackedToolbox(options);
  if (known !== undefined) return known;
  const folder = join(cacheFolder, 'toolbox');
  await mkdir(folder, { recursive: true });
  const onWait = () => progress.note('another build prepares the toolbox; waiting for it');
  return withFileLock(join(folder, 'lock'), { onWait, signal }, async () => {
    const made = options.refresh ? undefined : await unpackedToolbox(options);
    if (made !== undefined) return made;
    const record = (options.refresh ? undefined : await storedRecord(options)) ?? (await fetchToolbox(options));
    await unpack(record, options);
    await writeToolboxRecord(cacheFolder, record);
    return openToolbox(record, options);
  });
}

async function unpackedToolbox(options: PrepareToolboxOptions): Promise<Toolbox | undefined> {
  const record = await readToolboxRecord(options.cacheFolder);
  if (record === undefined || !(await exists(join(toolboxFolder(options.cacheFolder, record.digest), STAMP)))) {
    return undefined;
  }
  return openToolbox(record, options);
}

async function openToolbox(record: ToolboxRecord, options: PrepareToolboxOptions): Promise<Toolbox> {
  const root = toolboxFolder(options.cacheFolder, record.digest);
  const enter = await chooseEntrance(options.host, root);
  return {
    digest: record.digest,
    packages: record.packages,
    root,
    run: async (spec) => {
      try {
        return await options.host.processes.run({ ...enter.process(spec), signal: spec.signal ?? options.signal });
      } catch (error) {
        if (!(error instanceof HostError)) throw error;
        throw error.details?.['diskFull'] === true ? diskFull(error, spec) : enter.explain(error);
      }
    },
  };
}

/** A tool only says that there is no space; which disk is full follows from where it was let write. */
function diskFull(cause: HostError, spec: ToolboxRun): HostError {
  const written = spec.binds.findLast((bind) => bind.writable)?.source ?? 'its temporary files';
  // Unfinished results lie in folders of such names, which are gone when somebody reads this.
  const folder = written.replace(/\/[^/]*\.partial(?:\/.*)?$/, '');
  return new HostError({
    code: 'DISK_FULL',
    message: `no space left on the disk that holds ${folder}: ${cause.message}`,
    hint: 'Free some space there, or choose another folder: --out for results, BOWLINE_CACHE for the cache.',
    details: { ...cause.details, folder },
    cause,
  });
}

async function storedRecord(options: PrepareToolboxOptions): Promise<ToolboxRecord | undefined> {
  const record = await readToolboxRecord(options.cacheFolder);
  if (record === undefined) return undefined;
  for (const tar of record.tars) if (!(await options.store.has(tar.digest))) return undefined;
  return record;
}

async function fetchToolbox(options: PrepareToolboxOptions): Promise<ToolboxRecord> {
  if (options.offline) {
    throw new ImageError({
      code: 'OFFLINE_MISSING',
      message: 'the toolbox is not in the store, and --offline forbids to fetch it',
      hint: 'Run `bowline fetch` where there is a network, then `bowline store export` and `import` it here.',
    });
  }
  const hostArch = debianArch();
  const packages: Record<string, string> = {};
  const tars: ToolboxRecord['tars'] = [];
  await mkdir(join(options.cacheFolder, 'toolbox'), { recursive: true });
  for (const part of toolboxParts(hostArch)) {
    const tree = await runMmdebstrap(
      { suite: TOOLBOX_SUITE, arch: part.arch, variant: 'extract', include: part.include, excludeDocs: true },
      { ...options, scratch: join(options.cacheFolder, 'toolbox') },
    );
    const prefix = part.arch === hostArch ? '' : `${part.arch}/`;
    for (const [name, version] of Object.entries(tree.packages)) packages[`${prefix}${name}`] = version;
    const paths = part.paths === undefined ? {} : { paths: part.paths };
    tars.push({ digest: tree.layer.diffId, sizeBytes: tree.layer.size, ...paths });
  }
  const identity = createHash('sha256').update(toolboxIdentity(packages)).digest('hex');
  return { recipe: TOOLBOX_RECIPE, digest: `sha256:${identity}`, packages, tars };
}

async function unpack(record: ToolboxRecord, options: PrepareToolboxOptions): Promise<void> {
  const root = toolboxFolder(options.cacheFolder, record.digest);
  if (await exists(join(root, STAMP))) return;
  options.progress.note('unpacking the toolbox');
  await withScratchFolder(join(options.cacheFolder, 'toolbox'), async (scratch) => {
    const tree = join(scratch, 'root');
    await mkdir(tree, { mode: 0o755 });
    for (const tar of record.tars) {
      await options.host.processes.run({
        argv: [
          'tar',
          '--extract',
          `--file=${await options.store.path(tar.digest)}`,
          `--directory=${tree}`,
          '--no-same-owner',
          '--exclude=./dev/*',
          ...(tar.paths ?? []),
        ],
        timeoutMs: UNPACK_TIMEOUT_MS,
        signal: options.signal,
      });
    }
    await completeTree(tree);
    await removeTree(root);
    await rename(tree, root);
  });
}

/** Adds what maintainer scripts would have made: the links of a merged /usr, and the one user the tools look up. */
async function completeTree(tree: string): Promise<void> {
  for (const name of ['bin', 'sbin', 'lib', 'lib64']) {
    const isNeeded = !(await exists(join(tree, name))) && (await exists(join(tree, 'usr', name)));
    if (isNeeded) await symlink(`usr/${name}`, join(tree, name));
  }
  await writeFile(join(tree, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\n');
  await writeFile(join(tree, 'etc/group'), 'root:x:0:\n');
  await writeFile(join(tree, STAMP), '');
}

function debianArch(): Arch {
  const arch = nodeArch();
  if (arch === 'x64') return 'amd64';
  if (arch === 'arm64') return 'arm64';
  throw new ImageError({
    code: 'ARCH_MISMATCH',
    message: `there is no toolbox for ${arch} hosts`,
    hint: 'Build on an amd64 or arm64 machine.',
  });
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
