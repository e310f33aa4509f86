import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import {
  buildChunkIndex,
  encodeChunkIndex,
  parseVeritySuperblock,
  VERITY_BLOCK,
  VERITY_SUPERBLOCK_SIZE,
} from '@bowline/formats';
import { type ArtifactPart, writeArtifactLayout } from '@bowline/oci';
import {
  formatReleasePart,
  LAYOUT_VERSION,
  RELEASE_MEDIA_TYPES,
  type ReleaseDocument,
  type ReleaseInventory,
  type ReleaseVerity,
} from '@bowline/spec';
import { ImageError } from '../error.ts';
import type { SealedImage } from '../seal/sealed-image.ts';
import type { ReleaseKey } from './release-key.ts';
import { chunkPlainFile, chunkRoot } from './root-chunks.ts';

/**
 * Average size of a chunk. Measured for an update of OpenSSL in a root of 313 MB, chunks to fetch and index together: 16 KiB 4.9 MB,
 * 32 KiB 4.7 MB, 64 KiB 5.0 MB, 128 KiB 6.0 MB.
 */
const CHUNK_AVERAGE_BYTES = 32_768;

/** What a release is made of. */
export interface ReleaseInput {
  /** New folder. */
  folder: string;
  image: SealedImage;
  inventory: ReleaseInventory;
  /** A tar of GRUB's boot.img and core.img, where the architecture has a BIOS. */
  biosLoader?: Uint8Array | undefined;
  /** Without one the release is not signed. */
  key?: ReleaseKey | undefined;
  onBytes?: (doneBytes: number) => void;
  signal: AbortSignal;
}

/**
 * Writes a release as an OCI layout folder: the signed document names every blob by digest and size. The same image and key give
 * the same bytes (Ed25519 signatures have no random part: RFC 8032).
 *
 * @throws ImageError IMAGE_UNREADABLE when the hash tree of the image is not one that a machine can build again
 */
export async function writeRelease(input: ReleaseInput): Promise<ReleaseDocument> {
  const { image, inventory, biosLoader, key, signal } = input;
  const verity = await readVerity(image);
  let document: ReleaseDocument | undefined;
  await writeArtifactLayout({
    folder: input.folder,
    artifactType: RELEASE_MEDIA_TYPES.artifact,
    architecture: image.arch,
    tag: image.version,
    signal,
    fill: async (add) => {
      const { onBytes } = input;
      const options = { averageBytes: CHUNK_AVERAGE_BYTES, signal, ...(onBytes === undefined ? {} : { onBytes }) };
      const root = chunkRoot(image.squashfs.path, options);
      const addBytes = (type: keyof typeof RELEASE_MEDIA_TYPES, bytes: Uint8Array): Promise<ArtifactPart> =>
        add(RELEASE_MEDIA_TYPES[type], once(bytes));
      const chunks = await add(RELEASE_MEDIA_TYPES.chunks, root.stored);
      const chunkIndex = await addBytes('chunkIndex', encodeChunkIndex(buildChunkIndex(root.chunks)));
      const uki = await add(RELEASE_MEDIA_TYPES.uki, createReadStream(image.uki.path, { signal }));
      const ukiChunks = await chunkPlainFile(image.uki.path, CHUNK_AVERAGE_BYTES, signal);
      const ukiIndex = await addBytes('ukiIndex', encodeChunkIndex(buildChunkIndex(ukiChunks)));
      const bootLoader = await add(RELEASE_MEDIA_TYPES.bootLoader, createReadStream(image.bootLoader.path, { signal }));
      const bios = biosLoader === undefined ? undefined : await addBytes('biosLoader', biosLoader);
      const list = await addBytes('inventory', encode(formatReleasePart(inventory)));
      document = {
        releaseVersion: 1,
        name: image.name,
        version: image.version,
        imageId: image.imageId,
        arch: image.arch,
        debug: image.debug,
        layoutVersion: LAYOUT_VERSION,
        kernelVersion: image.kernelVersion,
        slotBytes: image.slotBytes,
        root: { sha256: root.rootDigest(), sizeBytes: image.squashfs.sizeBytes },
        verity,
        chunkIndex: blob(chunkIndex),
        chunks: blob(chunks),
        chunkAverageBytes: CHUNK_AVERAGE_BYTES,
        uki: blob(uki),
        ukiIndex: blob(ukiIndex),
        bootLoader: blob(bootLoader),
        ...(bios === undefined ? {} : { biosLoader: blob(bios) }),
        inventory: blob(list),
      };
      const text = encode(formatReleasePart(document));
      const config = await addBytes('document', text);
      const signatures = key === undefined ? [] : [await addBytes('signatures', key.sign(text))];
      const loaders = bios === undefined ? [bootLoader] : [bootLoader, bios];
      return { config, layers: [chunkIndex, chunks, uki, ukiIndex, ...loaders, list, ...signatures] };
    },
  });
  if (document === undefined) throw new Error('the release was not written');
  return document;
}

/** The parameters of the hash tree, from the tree itself. */
async function readVerity(image: SealedImage): Promise<ReleaseVerity> {
  const file = await open(image.verity.path, 'r');
  try {
    const bytes = new Uint8Array(VERITY_SUPERBLOCK_SIZE);
    await file.read(bytes, 0, bytes.length, 0);
    const found = parseVeritySuperblock(bytes);
    const { algorithm, hashType, dataBlocks, dataBlockSizeBytes, hashBlockSizeBytes, salt, uuid } = found;
    const isKnown = algorithm === 'sha256' && hashType === 1;
    const isWhole = dataBlocks * VERITY_BLOCK === image.squashfs.sizeBytes;
    if (isKnown && isWhole && dataBlockSizeBytes === VERITY_BLOCK && hashBlockSizeBytes === VERITY_BLOCK) {
      return { rootHash: image.rootHash, salt, uuid, dataBlocks };
    }
    throw new ImageError({
      code: 'IMAGE_UNREADABLE',
      message: `the hash tree ${image.verity.path} does not cover ${image.squashfs.sizeBytes} bytes in blocks of ${VERITY_BLOCK} with sha256`,
      hint: 'Remove the build cache (`bowline clean`) and build again.',
    });
  } finally {
    await file.close();
  }
}

function blob({ digest, size }: ArtifactPart): { sha256: ArtifactPart['digest']; sizeBytes: number } {
  return { sha256: digest, sizeBytes: size };
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
