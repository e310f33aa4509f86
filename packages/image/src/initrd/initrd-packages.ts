import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type BlobStore, type Digest, type Host, type TaskProgress, writeFileAtomic } from '@bowline/host';
import type { Arch } from '@bowline/spec';
import * as z from 'zod';
import { ImageError } from '../error.ts';
import { runMmdebstrap } from '../toolbox/debian-tree.ts';
import { INITRD_PACKAGES } from './contents.ts';

/** Suite the userland of every initrd comes from, whatever the base is. */
const SUITE = 'trixie';

/** The extracted packages of the initrd, as a tar in the store. */
export interface InitrdPackages {
  /** sha256 of the uncompressed tar: what the lock pins. */
  diffId: Digest;
  /** Bytes of the tar. */
  size: number;
  /** Package name to version. */
  packages: Readonly<Record<string, string>>;
}

export interface InitrdPackagesOptions {
  arch: Arch;
  host: Host;
  store: BlobStore;
  cacheFolder: string;
  scratch: string;
  /** What bowl.lock pins: taken when the store has it, whatever is newer. */
  locked?: Digest | undefined;
  offline: boolean;
  /** Look for newer packages. */
  update: boolean;
  progress: TaskProgress;
  signal: AbortSignal;
}

const Record_ = z.strictObject({
  wanted: z.array(z.string()),
  diffId: z.templateLiteral(['sha256:', z.string().regex(/^[0-9a-f]{64}$/)]),
  size: z.int().min(0),
  packages: z.record(z.string(), z.string()),
});

/**
 * The packages of the initrd: the pinned ones, else those of last time, else fetched now. They are extracted only, so
 * any architecture works anywhere.
 *
 * @throws ImageError `OFFLINE_MISSING` without network, and what fetching throws.
 */
export async function fetchInitrdPackages(options: InitrdPackagesOptions): Promise<InitrdPackages> {
  const { arch, store, locked } = options;
  const folder = join(options.cacheFolder, 'initrd');
  const recordPath = (name: string): string => join(folder, `packages-${arch}-${name}.json`);
  const latest = recordPath('latest');
  const pinned = locked === undefined || options.update ? undefined : await readRecord(recordPath(hex(locked)), store);
  if (pinned !== undefined) return pinned;
  const known = options.update ? undefined : await readRecord(latest, store);
  if (known !== undefined && (locked === undefined || locked === known.diffId)) return known;
  if (options.offline) {
    throw new ImageError({
      code: 'OFFLINE_MISSING',
      message: `the Debian packages of the ${arch} initrd are not in the store`,
      hint: 'Run `bowline fetch` once with a network, or import a store that has them.',
    });
  }
  const tree = await runMmdebstrap(
    { suite: SUITE, arch, variant: 'extract', include: INITRD_PACKAGES, excludeDocs: true },
    options,
  );
  const record = {
    wanted: [...INITRD_PACKAGES],
    diffId: tree.layer.diffId,
    size: tree.layer.size,
    packages: tree.packages,
  };
  await mkdir(folder, { recursive: true });
  const text = new TextEncoder().encode(`${JSON.stringify(record, undefined, 2)}\n`);
  await writeFileAtomic(recordPath(hex(record.diffId)), text);
  await writeFileAtomic(latest, text);
  return record;
}

async function readRecord(path: string, store: BlobStore): Promise<InitrdPackages | undefined> {
  const text = await readFile(path, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return undefined;
  }
  const { success, data } = Record_.safeParse(json);
  if (!success || data.wanted.join() !== INITRD_PACKAGES.join() || !(await store.has(data.diffId))) return undefined;
  return { diffId: data.diffId, size: data.size, packages: data.packages };
}

function hex(digest: Digest): string {
  return digest.slice('sha256:'.length);
}
