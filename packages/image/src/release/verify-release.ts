import { hash } from 'node:crypto';
import {
  type ChunkIndex,
  MAX_CHUNK_INDEX_BYTES,
  parseChunkIndex,
  parseUki,
  readUkiText,
  VERITY_BLOCK,
} from '@bowline/formats';
import type { Digest } from '@bowline/host';
import type { Artifact, ArtifactSource } from '@bowline/oci';
import {
  parseReleaseDocument,
  parseReleaseInventory,
  parseReleaseSignatures,
  RELEASE_MEDIA_TYPES,
  type ReleaseDocument,
} from '@bowline/spec';
import { ImageError } from '../error.ts';
import { checkRoot } from './check-root.ts';
import { isDamage, sentenceOf } from './damage.ts';
import { readBlob } from './read-blob.ts';
import { isSignedBy, type TrustedKey } from './release-key.ts';

const MAX_DOCUMENT_BYTES = 2 ** 20;
const MAX_INVENTORY_BYTES = 16 * 2 ** 20;
const MAX_SIGNATURES_BYTES = 2 ** 16;
const MAX_UKI_BYTES = 2 ** 30;
/** Parts of a release, as the document names them. */
const PARTS = ['chunkIndex', 'chunks', 'uki', 'ukiIndex', 'bootLoader', 'biosLoader', 'inventory'] as const;
type Part = (typeof PARTS)[number];

/** What was found out about one release. */
export interface ReleaseVerdict {
  /** Digest of the manifest. */
  manifestDigest: Digest;
  /** Digest of the document, which is what signatures cover. */
  documentDigest: Digest;
  /** What the release says it is; undefined when its document cannot be read. */
  document: ReleaseDocument | undefined;
  /** Key IDs of its signatures, whether they could be checked or not. */
  signatures: readonly Digest[];
  /** Files of the given keys that did sign it. */
  signedBy: readonly string[];
  /** What is wrong, as sentences; none when everything is as it should be. */
  problems: readonly string[];
}

/** How releases are verified. */
export interface VerifyOptions {
  /** With keys, a release must be signed with one of them. */
  keys: readonly TrustedKey[];
  /** Bytes of the root that were checked, and how many there are. */
  onBytes: (doneBytes: number, totalBytes: number) => void;
  signal: AbortSignal;
}

/**
 * Checks all of a release: digests and sizes of all blobs, each chunk against the index, root hash and root as they come from the
 * chunks, the UKI's root hash, and the signature. Damage is in the verdict.
 *
 * @throws ImageError IMAGE_UNREADABLE when the artefact is no release; OciError when the way to it fails
 */
export async function verifyRelease(
  source: ArtifactSource,
  artifact: Artifact,
  options: VerifyOptions,
): Promise<ReleaseVerdict> {
  const { manifest } = artifact;
  if (manifest['artifactType'] !== RELEASE_MEDIA_TYPES.artifact) throw noRelease(source);
  const problems: string[] = [];
  const { signal } = options;
  const text = await attempt(problems, () => readBlob(source, manifest.config, MAX_DOCUMENT_BYTES, signal));
  const document =
    text && (await attempt(problems, async () => parseReleaseDocument(new TextDecoder().decode(text), source.origin)));
  const signing = await checkSignatures(source, artifact, text, options, problems);
  if (document !== undefined) await checkParts(source, artifact, document, options, problems);
  const documentDigest = manifest.config.digest;
  return { manifestDigest: artifact.digest, documentDigest, document, ...signing, problems };
}

async function checkSignatures(
  source: ArtifactSource,
  { manifest }: Artifact,
  document: Uint8Array | undefined,
  { keys, signal }: VerifyOptions,
  problems: string[],
): Promise<Pick<ReleaseVerdict, 'signatures' | 'signedBy'>> {
  const layer = manifest.layers.find(({ mediaType }) => mediaType === RELEASE_MEDIA_TYPES.signatures);
  const found =
    layer &&
    (await attempt(problems, async () => {
      const bytes = await readBlob(source, layer, MAX_SIGNATURES_BYTES, signal);
      return parseReleaseSignatures(new TextDecoder().decode(bytes), source.origin);
    }));
  const signatures = found?.signatures.map(({ keyId }) => keyId) ?? [];
  const good = keys.filter((key) => document && found && isSignedBy(document, found, key));
  if (keys.length > 0 && good.length === 0) {
    problems.push(signatures.length === 0 ? 'it is not signed' : 'it has no valid signature of a given key');
  }
  return { signatures, signedBy: good.map(({ path }) => path) };
}

async function checkParts(
  source: ArtifactSource,
  artifact: Artifact,
  document: ReleaseDocument,
  options: VerifyOptions,
  problems: string[],
): Promise<void> {
  const { signal } = options;
  const listed = new Set(
    artifact.manifest.layers.map(({ mediaType, digest, size }) => `${mediaType} ${digest} ${size}`),
  );
  const blobOf = (part: Part): { digest: Digest; size: number } | undefined => {
    const blob = document[part];
    if (blob === undefined) return undefined;
    if (!listed.has(`${RELEASE_MEDIA_TYPES[part]} ${blob.sha256} ${blob.sizeBytes}`)) {
      problems.push(`the manifest does not list the ${part} that the document names`);
    }
    return { digest: blob.sha256, size: blob.sizeBytes };
  };
  const check = async <T>(part: Part, work: (blob: { digest: Digest; size: number }) => Promise<T>) => {
    const blob = blobOf(part);
    return blob && attempt(problems, () => work(blob), part);
  };
  const drain = async (blob: { digest: Digest; size: number }): Promise<void> => {
    for await (const _piece of source.openBlob(blob, signal));
  };
  const index = await check('chunkIndex', async (blob) =>
    parseIndex(await readBlob(source, blob, MAX_CHUNK_INDEX_BYTES, signal), document),
  );
  await check('chunks', async (blob) => {
    if (index === undefined) return drain(blob);
    const onBytes = (done: number): void => options.onBytes(done, index.rootBytes);
    problems.push(...(await checkRoot(document, index, source.openBlob(blob, signal), onBytes)));
  });
  const uki = await check('uki', async (blob) => {
    const bytes = await readBlob(source, blob, MAX_UKI_BYTES, signal);
    checkUki(bytes, document);
    return bytes;
  });
  await check('ukiIndex', async (blob) => {
    const bytes = await readBlob(source, blob, MAX_CHUNK_INDEX_BYTES, signal);
    if (uki !== undefined) checkPlainChunks(parseChunkIndex(bytes), uki);
  });
  await check('bootLoader', drain);
  await check('biosLoader', drain);
  await check('inventory', async (blob) => {
    const bytes = await readBlob(source, blob, MAX_INVENTORY_BYTES, signal);
    parseReleaseInventory(new TextDecoder().decode(bytes), source.origin);
  });
}

function parseIndex(bytes: Uint8Array, { root, chunks, verity }: ReleaseDocument): ChunkIndex {
  const index = parseChunkIndex(bytes);
  const sizes = [index.rootBytes, verity.dataBlocks * VERITY_BLOCK, index.storedBytes];
  const named = [root.sizeBytes, root.sizeBytes, chunks.sizeBytes];
  if (sizes.every((size, at) => size === named[at])) return index;
  throw damaged(`its chunks make ${sizes.join(', ')} bytes of root, tree and blob, but ${named.join(', ')} are named`);
}

/** An index whose chunks are stored as they are, one behind the other, in the blob they make. */
function checkPlainChunks(index: ChunkIndex, blob: Uint8Array): void {
  if (index.rootBytes !== blob.length || index.storedBytes !== blob.length) throw damaged('it is of another file');
  for (let number = 0; number < index.count; number++) {
    const [offset, length] = [index.offsets[number] as number, index.lengths[number] as number];
    const digest = index.digests.subarray(number * 32, number * 32 + 32);
    const found = hash('sha256', blob.subarray(offset, offset + length), 'buffer');
    if (Buffer.compare(found, digest) !== 0) throw damaged(`chunk ${number} of it is not in the file`);
  }
}

/** A UKI that names another root would be refused by the machine only when it starts. */
function checkUki(bytes: Uint8Array, { verity }: ReleaseDocument): void {
  const { base, profiles } = parseUki(bytes);
  const lines = [base, ...profiles].map((sections) => readUkiText(bytes, sections, '.cmdline') ?? '');
  if (lines.some((line) => line.split(/\s/).includes(`roothash=${verity.rootHash}`))) return;
  throw damaged('its command line names another root hash than the document');
}

function damaged(message: string): ImageError {
  return new ImageError({ code: 'IMAGE_UNREADABLE', message });
}

function noRelease({ origin }: ArtifactSource): ImageError {
  return new ImageError({
    code: 'IMAGE_UNREADABLE',
    message: `${origin} is no release`,
    hint: 'Name a folder NAME-release of a build with the output `release`, or what was pushed from it.',
  });
}

/** Runs a check; damage becomes a sentence, anything else is thrown. */
async function attempt<T>(problems: string[], work: () => Promise<T>, part?: string): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (!isDamage(error)) throw error;
    problems.push(part === undefined ? sentenceOf(error) : `${part}: ${sentenceOf(error)}`);
    return undefined;
  }
}
