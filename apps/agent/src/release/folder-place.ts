import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { AgentError } from '../error.ts';
import type { ByteRange } from './contract.ts';
import type { BlobWish, ReleasePlace } from './place.ts';

const PIECE_BYTES = 2 ** 18;
/** Largest index.json or manifest, as in registries (distribution spec 1.1: "at least 4 megabytes"). */
const MAX_DOCUMENT_BYTES = 4 * 2 ** 20;

/** A release in a folder of the OCI image layout (image-layout.md), as this process sees it. */
export function folderPlace(folder: string, tag: string | undefined): ReleasePlace {
  const pathOf = ({ digest }: BlobWish) => join(folder, 'blobs', 'sha256', digest.slice('sha256:'.length));
  const readWhole = async (path: string): Promise<Uint8Array> => {
    const pieces: Uint8Array[] = [];
    for await (const piece of readRange(path, { start: 0, end: MAX_DOCUMENT_BYTES })) pieces.push(piece);
    return Buffer.concat(pieces);
  };
  return {
    origin: folder,
    isPlainHttp: false,
    tag,
    root: async () => ({ bytes: await readWhole(join(folder, 'index.json')), mediaType: undefined }),
    manifest: (wish) => readWhole(pathOf(wish)),
    open: async (wish, range) => ({ start: range.start, bytes: readRange(pathOf(wish), range) }),
  };
}

async function* readRange(path: string, range: ByteRange): AsyncGenerator<Uint8Array> {
  const file = await openRegular(path);
  try {
    for (let at = range.start; at < range.end; ) {
      const buffer = Buffer.allocUnsafeSlow(Math.min(PIECE_BYTES, range.end - at));
      const { bytesRead } = await file.read(buffer, 0, buffer.length, at);
      if (bytesRead === 0) return;
      at += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  } catch (cause) {
    throw unreadable(path, 'cannot be read', cause);
  } finally {
    await file.close();
  }
}

async function openRegular(path: string): Promise<FileHandle> {
  // O_NONBLOCK: opening a pipe without a writer would wait for ever.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch((cause: NodeJS.ErrnoException) => {
    throw unreadable(
      path,
      cause.code === 'ENOENT' || cause.code === 'ENOTDIR' ? 'is missing' : 'cannot be read',
      cause,
    );
  });
  if ((await file.stat()).isFile()) return file;
  await file.close();
  throw unreadable(path, 'is no regular file');
}

function unreadable(path: string, why: string, cause?: unknown): AgentError {
  return new AgentError({
    code: 'SOURCE_UNAVAILABLE',
    message: `A file of the release ${why}: ${path}.`,
    hint: 'Name the folder NAME-release that the build made, copied whole: it holds oci-layout, index.json and blobs/.',
    cause,
  });
}
