import { createReadStream } from 'node:fs';
import { mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { createZstdDecompress } from 'node:zlib';
import { type Processes, writeFileAtomic } from '@bowline/host';
import { CliError } from '../error.ts';

const DEFAULT_DISK_BYTES = 8 * 2 ** 30;
const QEMU_IMG_LIMIT_MS = 60_000;
const BLOCK_BYTES = 4096;
const ZERO_BLOCK = Buffer.alloc(BLOCK_BYTES);

/** A disk image as a base, never written to. */
export interface DiskBase {
  path: string;
  format: 'raw' | 'qcow2';
  /** Size of the smallest disk the image was made for; 8 GiB unless known. */
  smallestDiskBytes?: number | undefined;
}

/** What making a disk needs of the world. */
export interface DiskEnvironment {
  processes: Processes;
  signal?: AbortSignal | undefined;
  warn: (message: string) => void;
}

/**
 * Makes the disk a machine writes to: a qcow2 file of the machine's own on top of the image, at least as large as the
 * smallest disk the image supports. What an earlier run wrote is kept while the image is the same file with the same
 * content; after a change it is thrown away, because differences on top of another base are garbage.
 * Throws HostError when qemu-img fails.
 */
export async function prepareDisk(base: DiskBase, folder: string, environment: DiskEnvironment): Promise<string> {
  await mkdir(folder, { recursive: true });
  const path = join(folder, 'disk.qcow2');
  const recordPath = join(folder, 'disk.json');
  const info = await stat(base.path);
  const record = JSON.stringify({ base: base.path, sizeBytes: info.size, modifiedMs: info.mtimeMs });
  const kept = await readFile(recordPath, 'utf8').catch(() => undefined);
  if (kept === record && (await exists(path))) return path;
  if (kept !== undefined && kept !== record) {
    environment.warn(`${base.path} has changed: the machine starts with a fresh disk`);
    // Boot entries and TPM state belong to the disk that is thrown away.
    await rm(join(folder, 'efivars.fd'), { force: true });
    await rm(join(folder, 'tpm'), { recursive: true, force: true });
  }
  await rm(recordPath, { force: true });
  const wantedBytes = base.smallestDiskBytes ?? DEFAULT_DISK_BYTES;
  const baseBytes = base.format === 'raw' ? info.size : await qcow2DiskBytes(base.path);
  const temporary = `${path}.tmp`;
  try {
    await environment.processes.run({
      argv: [
        ...(['qemu-img', 'create', '-q', '-f', 'qcow2', '-F', base.format, '-b', base.path, temporary] as const),
        String(roundUp(Math.max(wantedBytes, baseBytes), 512)),
      ],
      timeoutMs: QEMU_IMG_LIMIT_MS,
      signal: environment.signal,
    });
    await rename(temporary, path);
  } finally {
    await rm(temporary, { force: true });
  }
  await writeFileAtomic(recordPath, record);
  return path;
}

/** Size of the disk inside a qcow2 image: eight bytes at offset 24, big endian (QEMU, docs/interop/qcow2.txt). */
async function qcow2DiskBytes(path: string): Promise<number> {
  const file = await open(path, 'r');
  try {
    const header = new Uint8Array(32);
    await file.read(header, 0, header.length, 0);
    return Number(new DataView(header.buffer).getBigUint64(24));
  } finally {
    await file.close();
  }
}

/**
 * Unpacks a zstd-compressed disk image into a sparse file, unless it was unpacked from the same file before.
 * Throws CliError IMAGE_UNSUITABLE when the file is damaged, or the signal's reason.
 */
export async function unpackDisk(
  path: string,
  folder: string,
  options: { signal?: AbortSignal | undefined; onBytes: (done: number, total: number) => void },
): Promise<string> {
  await mkdir(folder, { recursive: true });
  const target = join(folder, 'unpacked.raw');
  const recordPath = join(folder, 'unpacked.json');
  const info = await stat(path);
  const record = JSON.stringify({ source: path, sizeBytes: info.size, modifiedMs: info.mtimeMs });
  const kept = await readFile(recordPath, 'utf8').catch(() => undefined);
  if (kept === record && (await exists(target))) return target;
  const temporary = `${target}.tmp`;
  try {
    await decompress(path, temporary, info.size, options);
    await rename(temporary, target);
  } finally {
    await rm(temporary, { force: true });
  }
  await writeFileAtomic(recordPath, record);
  return target;
}

async function decompress(
  path: string,
  target: string,
  totalBytes: number,
  options: { signal?: AbortSignal | undefined; onBytes: (done: number, total: number) => void },
): Promise<void> {
  const source = createReadStream(path, { highWaterMark: 1 << 20, signal: options.signal });
  const decoder = createZstdDecompress();
  source.on('error', (error) => decoder.destroy(error));
  source.pipe(decoder);
  const file = await open(target, 'w', 0o644);
  try {
    let atBytes = 0;
    for await (const chunk of decoder as AsyncIterable<Buffer>) {
      await writeSparse(file, chunk, atBytes);
      atBytes += chunk.length;
      options.onBytes(source.bytesRead, totalBytes);
    }
    // Node's decoder stops silently after the first frame of several.
    if (decoder.bytesWritten !== totalBytes) throw new Error('more than one zstd frame');
    await file.truncate(atBytes);
  } catch (error) {
    options.signal?.throwIfAborted();
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    if (!code.startsWith('ZSTD') && !(error instanceof Error && error.message.includes('zstd frame'))) throw error;
    throw new CliError({
      code: 'IMAGE_UNSUITABLE',
      message: `${path} cannot be unpacked: ${error instanceof Error ? error.message : String(error)}`,
      hint: 'Unpack it with `zstd -d` and boot the result, or download it again if that fails too.',
      cause: error,
    });
  } finally {
    source.destroy();
    decoder.destroy();
    await file.close();
  }
}

/** Writes a chunk without its runs of zero blocks; the file is new, so they read as zeros anyway. */
async function writeSparse(file: Awaited<ReturnType<typeof open>>, chunk: Buffer, atBytes: number): Promise<void> {
  let start = -1;
  for (let at = 0; at <= chunk.length; at += BLOCK_BYTES) {
    const block = chunk.subarray(at, at + BLOCK_BYTES);
    const isData = !block.equals(ZERO_BLOCK.subarray(0, block.length));
    if (isData && start < 0) start = at;
    if (!isData && start >= 0) {
      await file.write(chunk, start, at - start, atBytes + start);
      start = -1;
    }
  }
  if (start >= 0) await file.write(chunk, start, chunk.length - start, atBytes + start);
}

function roundUp(value: number, step: number): number {
  return Math.ceil(value / step) * step;
}

async function exists(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  );
}
