import { open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ImageError } from '../error.ts';

/** What a file or folder is, by its first bytes; never by its name. */
export type ImageKind = 'raw' | 'raw-zst' | 'qcow2' | 'iso' | 'uki' | 'netboot' | 'build' | 'oci' | 'unknown';

const ISO_MAGIC_OFFSET = 32769;

/**
 * Tells what an image is. Folders: `build` has a manifest.json, `netboot` a boot.ipxe, `oci` an oci-layout.
 * Throws the system's error when the path does not exist or cannot be read.
 */
export async function detectImage(path: string): Promise<ImageKind> {
  const info = await stat(path);
  if (info.isDirectory()) return await detectFolder(path);
  const head = await readHead(path, ISO_MAGIC_OFFSET + 5);
  if (hasText(head, 0, 'QFI\xfb')) return 'qcow2';
  if (hasText(head, 0, '\x28\xb5\x2f\xfd')) return 'raw-zst';
  // Before GPT: a hybrid ISO has both. ECMA-119, 8.1.2.
  if (hasText(head, ISO_MAGIC_OFFSET, 'CD001')) return 'iso';
  if (hasText(head, 512, 'EFI PART')) return 'raw';
  // A PE file begins like a DOS program, and so may a boot sector: the PE header must be where the word at 0x3c says.
  if (hasText(head, 0, 'MZ') && hasText(head, wordAt(head, 0x3c), 'PE\0\0')) return 'uki';
  // A disk without a partition table can still hold a boot sector.
  if (hasText(head, 510, '\x55\xaa')) return 'raw';
  return 'unknown';
}

/** ImageError IMAGE_MISSING for a path that detectImage could not read. */
export function unreadableImage(path: string, error: unknown): ImageError {
  const isAbsent = error instanceof Error && 'code' in error && error.code === 'ENOENT';
  const why = error instanceof Error ? error.message : String(error);
  return new ImageError({
    code: 'IMAGE_MISSING',
    message: isAbsent ? `there is no ${path}` : `cannot read ${path}: ${why}`,
    hint: 'Look with `ls out/`, or build it: `bowline build BOWL`.',
    cause: error,
  });
}

async function detectFolder(path: string): Promise<ImageKind> {
  const has = (name: string) =>
    stat(join(path, name)).then(
      (info) => info.isFile(),
      () => false,
    );
  if (await has('manifest.json')) return 'build';
  if (await has('boot.ipxe')) return 'netboot';
  if (await has('oci-layout')) return 'oci';
  return 'unknown';
}

async function readHead(path: string, lengthBytes: number): Promise<Uint8Array> {
  const file = await open(path, 'r');
  try {
    const head = new Uint8Array(lengthBytes);
    let done = 0;
    while (done < lengthBytes) {
      const { bytesRead } = await file.read(head, done, lengthBytes - done, done);
      if (bytesRead === 0) break;
      done += bytesRead;
    }
    return head.subarray(0, done);
  } finally {
    await file.close();
  }
}

function hasText(bytes: Uint8Array, offset: number, text: string): boolean {
  if (offset < 0 || offset + text.length > bytes.length) return false;
  for (let index = 0; index < text.length; index++) {
    if (bytes[offset + index] !== text.charCodeAt(index)) return false;
  }
  return true;
}

function wordAt(bytes: Uint8Array, offset: number): number {
  if (offset + 4 > bytes.length) return -1;
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(offset, true);
}
