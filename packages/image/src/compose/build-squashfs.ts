import { chmod, open, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { type BlobStore, syncFolder, type TaskProgress } from '@bowline/host';
import { SOURCE_EPOCH } from '@bowline/os-layout';
import { ImageError } from '../error.ts';
import type { Toolbox } from '../toolbox/toolbox.ts';
import { emitTar } from './emit-tar.ts';
import type { MergedTree } from './merged-tree.ts';

/** Longest a root may take; real ones take seconds. */
const TIMEOUT_MS = 60 * 60 * 1000;

/**
 * Arguments of sqfstar (squashfs-tools 4.6). Root metadata is said explicitly, for it would else be 0777 and the builder's;
 * the number of processors changes only the speed.
 */
export function sqfstarArguments(target: string): readonly [string, ...string[]] {
  const compression = '-comp zstd -Xcompression-level 3 -b 128K -no-fragments -mem 256M -processors 2';
  const root = '-root-mode 0755 -root-uid 0 -root-gid 0';
  return ['sqfstar', ...`${compression} ${root} -exit-on-error -quiet -no-progress`.split(' '), target];
}

export interface SquashfsOptions {
  tree: MergedTree;
  store: BlobStore;
  toolbox: Toolbox;
  /** Absolute; appears whole or not at all. */
  outputPath: string;
  progress?: Pick<TaskProgress, 'bytes'> | undefined;
  signal?: AbortSignal | undefined;
}

/**
 * Streams a tree into a squashfs (zstd 3, 128 KiB blocks). The same tree and tool give the same bytes.
 *
 * @throws ImageError SQUASHFS_FAILED when sqfstar says anything: it drops what it does not like with no more than a message
 * @throws HostError ABORTED | PROCESS_FAILED | PROCESS_TIMEOUT
 */
export async function buildSquashfs(options: SquashfsOptions): Promise<{ sizeBytes: number }> {
  const { outputPath, signal } = options;
  const folder = dirname(outputPath);
  const temporary = `.${basename(outputPath)}.tmp`;
  const temporaryPath = join(folder, temporary);
  await rm(temporaryPath, { force: true });
  let bytes = 0;
  const stream = emitTar(options.tree, options.store, {
    signal,
    // A process is fed one such chunk at a time.
    reuseChunks: true,
    onBytes: (done) => {
      bytes = done;
      options.progress?.bytes(done);
    },
  });
  try {
    const result = await options.toolbox.run({
      argv: sqfstarArguments(`/out/${temporary}`),
      binds: [{ source: folder, target: '/out', writable: true }],
      // Times cannot be said as options beside it: it dates the file system and the root, and is the latest time of a file.
      env: { SOURCE_DATE_EPOCH: String(SOURCE_EPOCH) },
      stdin: { kind: 'stream', stream },
      timeoutMs: TIMEOUT_MS,
      ...(signal === undefined ? {} : { signal }),
    });
    const said = `${new TextDecoder().decode(result.stdout)}${result.stderrTail}`.trim();
    if (said !== '') throw squashfsFailed(said);
    if (bytes === 0) throw squashfsFailed('it ended before it read the root');
    await chmod(temporaryPath, 0o644);
    const handle = await open(temporaryPath, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporaryPath, outputPath);
    await syncFolder(folder);
    return { sizeBytes: (await stat(outputPath)).size };
  } catch (error) {
    await rm(temporaryPath, { force: true });
    throw error;
  }
}

function squashfsFailed(said: string): ImageError {
  return new ImageError({
    code: 'SQUASHFS_FAILED',
    message: `sqfstar did not take the root as it is: ${said.slice(0, 500)}`,
    hint: 'The image would not be what its layers say. Find the named file in the base, or report this as a bug.',
  });
}
