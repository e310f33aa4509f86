import { mkdir, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { nodeHost } from '@bowline/host';

const { processes } = nodeHost();
const PLACES = ['/usr/bin', '/usr/sbin', '/bin', '/sbin'];

/** The part of a test's context that skips it. */
export interface Skips {
  skip(reason: string): void;
}

/** Runs a tool of the build machine; the test is skipped when it is not installed. */
export async function runTool(ctx: Skips, argv: readonly [string, ...string[]]): Promise<string> {
  const [name, ...rest] = argv;
  try {
    const env = { PATH: PLACES.join(':'), MTOOLS_SKIP_CHECK: '1' };
    const { stdout } = await processes.run({ argv: [name, ...rest], env, timeoutMs: 60_000 });
    return Buffer.from(stdout).toString('utf8');
  } catch (error) {
    if ((error as { code?: string }).code === 'PROCESS_NOT_FOUND') ctx.skip(`${name} is not installed`);
    throw error;
  }
}

/** Files of a disc: path to text. */
export type DiscFiles = Readonly<Record<string, string>>;

/** Makes an ISO 9660 disc with xorriso. */
export async function makeIso(
  ctx: Skips,
  path: string,
  disc: { label: string; files: DiscFiles; names?: 'rock-ridge' | 'joliet' | 'plain' },
): Promise<void> {
  await withTree(disc.files, async (tree) => {
    const names = { 'rock-ridge': ['-R'], joliet: ['-J'], plain: [] }[disc.names ?? 'rock-ridge'];
    const rules = ['-as', 'mkisofs', '-quiet', ...(names.length === 0 ? ['--norock', '-iso-level', '3'] : names)];
    if (disc.names === 'joliet') rules.push('--norock');
    await runTool(ctx, ['xorriso', ...rules, '-V', disc.label, '-o', path, tree]);
  });
}

/** Makes a FAT volume with mkfs.fat and mcopy. */
export async function makeFat(
  ctx: Skips,
  path: string,
  disc: { label: string; files: DiscFiles; bits: 12 | 16 | 32 },
): Promise<void> {
  const mib = { 12: 2, 16: 16, 32: 40 }[disc.bits];
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, '');
  await truncate(path, mib * 1024 * 1024);
  const cluster = disc.bits === 32 ? ['-s', '1'] : [];
  await runTool(ctx, ['mkfs.fat', '-F', String(disc.bits), ...cluster, '-n', disc.label, path]);
  await withTree(disc.files, async (tree) => {
    const tops = [...new Set(Object.keys(disc.files).map((name) => join(tree, name.split('/')[0] ?? '')))];
    if (tops.length > 0) await runTool(ctx, ['mcopy', '-s', '-i', path, ...tops, '::']);
  });
}

async function withTree(files: DiscFiles, use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'bowline-disc-'));
  try {
    for (const [path, text] of Object.entries(files)) {
      await mkdir(dirname(join(folder, path)), { recursive: true });
      await writeFile(join(folder, path), text);
    }
    await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Puts a file where the machine in `root` finds it as a block device: node and sysfs entry. */
export async function plugDisk(
  root: string,
  name: string,
  sizeBytes: number,
  partition?: { number: number; disk: string },
): Promise<string> {
  const folder = join(root, 'sys/class/block', name);
  await mkdir(folder, { recursive: true });
  await mkdir(join(root, 'dev'), { recursive: true });
  await writeFile(join(folder, 'size'), `${Math.floor(sizeBytes / 512)}\n`);
  if (partition) await writeFile(join(folder, 'partition'), `${partition.number}\n`);
  return join(root, 'dev', name);
}
