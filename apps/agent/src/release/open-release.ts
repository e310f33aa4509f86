import { type ChunkIndex, MAX_CHUNK_INDEX_BYTES, parseChunkIndex } from '@bowline/formats';
import type { ImageManifest } from '@bowline/oci';
import {
  type Arch,
  parseReleaseDocument,
  parseReleaseInventory,
  parseReleaseSignatures,
  RELEASE_MEDIA_TYPES,
  type ReleaseDocument,
  type ReleaseSignatures,
} from '@bowline/spec';
import { AgentError } from '../error.ts';
import type { Machine } from '../machine/machine.ts';
import type { OpenReleaseOptions, Release } from './contract.ts';
import { findManifest } from './find-manifest.ts';
import { findPlace } from './find-place.ts';
import type { BlobWish, ReleasePlace } from './place.ts';
import { type BlobAccess, damaged, readBlob, streamBlob } from './read-blob.ts';
import { readReleaseKeys, requireSignature } from './release-keys.ts';
import { TRANSFER_LIMITS } from './transfer.ts';

const MAX_DOCUMENT_BYTES = 2 ** 20;
const MAX_SIGNATURES_BYTES = 2 ** 16;
const MAX_INVENTORY_BYTES = 16 * 2 ** 20;

/**
 * Finds a release and verifies its document: signature first, then form and architecture. `source` is a reference of a
 * registry, a folder or an address of an OCI layout.
 *
 * @throws AgentError SIGNATURE_INVALID | SOURCE_UNAVAILABLE | RELEASE_UNFIT | RELEASE_DAMAGED; SpecError
 * RELEASE_INVALID; OciError.
 */
export async function openRelease(
  machine: Machine,
  source: string,
  options: OpenReleaseOptions = {},
): Promise<Release> {
  const limits = { ...TRANSFER_LIMITS, ...options.limits };
  const keys = options.keys ?? (await readReleaseKeys(machine));
  const arch = options.arch ?? ((await machine.facts()).arch as Arch);
  const place = await findPlace(machine, source, { plainHttp: options.plainHttp ?? [], limits });
  const { signal } = machine;
  const access: BlobAccess = { place, limits, signal };
  const manifest = await findManifest(place, arch, signal);
  const { origin } = place;
  const config = { digest: manifest.config.digest, sizeBytes: manifest.config.size };
  const bytes = await readBlob(access, config, 'the release document', MAX_DOCUMENT_BYTES);
  const signer =
    keys.length === 0 ? undefined : requireSignature(bytes, await readSignatures(access, manifest), keys, origin);
  const document = parseReleaseDocument(decodeText(bytes, origin), origin);
  if (document.arch !== arch) {
    throw new AgentError({
      code: 'RELEASE_UNFIT',
      message: `${origin} is for ${document.arch}; this machine is ${arch}.`,
      hint: `Build the release with arch: [${arch}].`,
    });
  }
  return describe({ machine, place, access, document, digest: config.digest, signedBy: signer?.id });
}

interface Opened extends Pick<Release, 'machine' | 'document' | 'digest' | 'signedBy'> {
  place: ReleasePlace;
  access: BlobAccess;
}

function describe({ machine, place, access, document, digest, signedBy }: Opened): Release {
  const stream = (blob: Named, noun: string) => streamBlob(access, wishFor(blob), noun);
  const { biosLoader, ukiIndex } = document;
  let index: Promise<ChunkIndex> | undefined;
  return {
    machine,
    limits: access.limits,
    document,
    digest,
    origin: place.origin,
    signedBy,
    warnings: signedBy === undefined ? [unsignedWarning(place)] : [],
    inventory: async () => {
      const blob = await readBlob(access, wishFor(document.inventory), 'the inventory', MAX_INVENTORY_BYTES);
      return parseReleaseInventory(decodeText(blob, place.origin), place.origin);
    },
    index: () => {
      index ??= readIndex(access, document).catch((error: unknown) => {
        index = undefined;
        throw error;
      });
      return index;
    },
    uki: () => stream(document.uki, 'the UKI'),
    ukiChunks: ukiIndex && {
      index: () => readUkiIndex(access, ukiIndex, document),
      open: (range, signal) => place.open(wishFor(document.uki), range, signal),
    },
    bootLoader: () => stream(document.bootLoader, 'the boot loader'),
    biosLoader: () => (biosLoader === undefined ? undefined : stream(biosLoader, 'the boot loader for BIOS')),
    openChunks: (range, signal) => place.open(wishFor(document.chunks), range, signal),
  };
}

async function readIndex(access: BlobAccess, document: ReleaseDocument): Promise<ChunkIndex> {
  const noun = 'the chunk index';
  const index = await fetchIndex(access, document.chunkIndex, noun);
  const { root, chunks, verity } = document;
  if (index.rootBytes !== root.sizeBytes) throw damaged(noun, access.place.origin, 'it is of another root');
  if (index.storedBytes !== chunks.sizeBytes) throw damaged(noun, access.place.origin, 'it is of other chunks');
  if (Math.ceil(index.rootBytes / 4096) !== verity.dataBlocks) {
    throw damaged('the document', access.place.origin, 'its verity tree is over another root');
  }
  return index;
}

async function readUkiIndex(access: BlobAccess, blob: Named, { uki }: ReleaseDocument): Promise<ChunkIndex> {
  const noun = 'the index of the UKI';
  const index = await fetchIndex(access, blob, noun);
  const isPlain = index.rootBytes === uki.sizeBytes && index.storedBytes === uki.sizeBytes;
  if (!isPlain) throw damaged(noun, access.place.origin, 'it is of another UKI');
  return index;
}

async function fetchIndex(access: BlobAccess, blob: Named, noun: string): Promise<ChunkIndex> {
  const bytes = await readBlob(access, wishFor(blob), noun, MAX_CHUNK_INDEX_BYTES);
  try {
    return parseChunkIndex(bytes);
  } catch (error) {
    throw damaged(noun, access.place.origin, error instanceof Error ? error.message : 'it cannot be read', error);
  }
}

async function readSignatures(access: BlobAccess, manifest: ImageManifest): Promise<ReleaseSignatures | undefined> {
  const layer = manifest.layers.find(({ mediaType }) => mediaType === RELEASE_MEDIA_TYPES.signatures);
  if (layer === undefined) return undefined;
  const wish = { digest: layer.digest, sizeBytes: layer.size };
  const bytes = await readBlob(access, wish, 'the signatures', MAX_SIGNATURES_BYTES);
  return parseReleaseSignatures(decodeText(bytes, access.place.origin), access.place.origin);
}

interface Named {
  sha256: string;
  sizeBytes: number;
}

function wishFor({ sha256, sizeBytes }: Named): BlobWish {
  return { digest: sha256, sizeBytes };
}

function decodeText(bytes: Uint8Array, origin: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw damaged('the release document', origin, 'it is no UTF-8 text', cause);
  }
}

function unsignedWarning({ origin, isPlainHttp }: ReleasePlace): string {
  const who = isPlainHttp
    ? 'anybody on the way there (plain HTTP) and whoever can write there'
    : 'whoever can write there';
  return `${origin} is taken without a signature, because this image names no keys (upgrade.trustedKeys): ${who} decides what this machine runs.`;
}
