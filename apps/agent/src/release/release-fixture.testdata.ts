import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { zstdCompressSync } from 'node:zlib';
import {
  buildChunkIndex,
  type Chunk,
  ChunkCutter,
  type ChunkIndex,
  encodeChunkIndex,
  VERITY_BLOCK,
  VerityTreeBuilder,
} from '@bowline/formats';
import { writeArtifactLayout } from '@bowline/oci';
import {
  type Arch,
  formatReleasePart,
  RELEASE_MEDIA_TYPES,
  type ReleaseDocument,
  type ReleaseInventory,
} from '@bowline/spec';
import { parseReleaseKey, type ReleaseKey } from './release-keys.ts';

/** Small chunks: a root of 300 KB has enough of them. */
export const TEST_AVERAGE_BYTES = 4096;
const SALT = '5a'.repeat(32);

const sha256Of = (bytes: Uint8Array): `sha256:${string}` =>
  `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

/** Bytes with the superblock of a squashfs in front, half of them compressible; the same seed gives the same bytes. */
export function makeRoot(seed: number, sizeBytes: number): Uint8Array<ArrayBuffer> {
  const root = Buffer.alloc(sizeBytes);
  fillNoise(root, seed);
  for (let at = 8192; at + 8192 <= sizeBytes; at += 16_384) root.fill(`${seed} ${at} `, at, at + 8192);
  root.fill(0, 0, 96);
  root.writeUInt32LE(0x73717368, 0);
  root.writeUInt32LE(131_072, 12);
  root.writeUInt16LE(6, 20);
  root.writeUInt16LE(17, 22);
  root.writeUInt16LE(4, 28);
  root.writeBigUInt64LE(BigInt(sizeBytes), 40);
  return root;
}

/** Bytes that look random and follow from a seed. */
export function fillNoise(bytes: Uint8Array, seed: number): void {
  let state = (seed * 2 + 1) | 0;
  for (let at = 0; at < bytes.length; at++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes[at] = state >>> 8;
  }
}

/** The root with other bytes at these places. */
export function changeRoot(
  root: Uint8Array,
  places: readonly { at: number; length: number }[],
): Uint8Array<ArrayBuffer> {
  const changed = new Uint8Array(root);
  for (const { at, length } of places) fillNoise(changed.subarray(at, at + length), at + length);
  return changed;
}

/** A root as the build cuts, compresses and hashes it. */
export interface CutRoot {
  index: ChunkIndex;
  chunks: Uint8Array;
  rootHash: string;
}

/** Cuts a root, stores each chunk compressed where that helps, and computes its root hash. */
export function cutTestRoot(root: Uint8Array, averageBytes = TEST_AVERAGE_BYTES): CutRoot {
  const cutter = new ChunkCutter(averageBytes);
  const chunks: Chunk[] = [];
  const stored: Uint8Array[] = [];
  for (let from = 0; from < root.length; ) {
    const end = cutter.next(root, from);
    const plain = root.subarray(from, end < 0 ? root.length : end);
    const packed = zstdCompressSync(plain);
    const kept = packed.length < plain.length ? packed : plain;
    stored.push(kept);
    const sha256 = createHash('sha256').update(plain).digest();
    chunks.push({ lengthBytes: plain.length, storedBytes: kept.length, sha256 });
    from += plain.length;
  }
  return { index: buildChunkIndex(chunks), chunks: Buffer.concat(stored), rootHash: rootHashOf(root) };
}

/** The index of bytes that are stored as they are. */
function plainIndex(bytes: Uint8Array, averageBytes: number): ChunkIndex {
  const { index } = cutTestRoot(bytes, averageBytes);
  const chunks = Array.from(index.lengths, (lengthBytes, chunk) => ({
    lengthBytes,
    storedBytes: lengthBytes,
    sha256: index.digests.subarray(chunk * 32, chunk * 32 + 32),
  }));
  return buildChunkIndex(chunks);
}

const VERITY = { salt: SALT, uuid: '00000000-1111-4222-8333-444444444444' };

/** Root hash of these bytes, filled up with zeros to whole blocks. */
export function rootHashOf(root: Uint8Array): string {
  const padded = new Uint8Array(Math.ceil(root.length / VERITY_BLOCK) * VERITY_BLOCK);
  padded.set(root);
  const builder = new VerityTreeBuilder({
    dataBlocks: padded.length / VERITY_BLOCK,
    salt: Buffer.from(SALT, 'hex'),
    uuid: VERITY.uuid,
    sha256: (block) => createHash('sha256').update(block).digest(),
    write: () => undefined,
  });
  builder.add(padded);
  return Buffer.from(builder.finish()).toString('hex');
}

/** What a release of a test is like; everything has a default but the folder and the root. */
export interface TestReleaseWish {
  /** New folder: the OCI layout. */
  folder: string;
  root: Uint8Array;
  version?: string;
  arch?: Arch;
  uki?: Uint8Array;
  inventory?: Partial<ReleaseInventory>;
  signers?: readonly TestSigner[];
  tag?: string;
  averageBytes?: number;
  /** Changes the document before it is signed. */
  document?: Partial<ReleaseDocument>;
  /** Replaces what is published; the document names what it gets. */
  parts?: (cut: CutRoot) => { index?: Uint8Array; chunks?: Uint8Array };
  /** Changes the document after it was signed. */
  alter?: (document: string) => string;
  /** Changes the signatures. */
  alterSignatures?: (signatures: string) => string;
}

/** A release on disk, and what it should become on a machine. */
export interface TestRelease extends CutRoot {
  folder: string;
  root: Uint8Array;
  document: ReleaseDocument;
}

/** Writes a release as the build does: document, index, chunks, UKI, boot loaders, inventory, signatures. */
export async function writeTestRelease(wish: TestReleaseWish): Promise<TestRelease> {
  const cut = cutTestRoot(wish.root, wish.averageBytes);
  const replaced = wish.parts?.(cut) ?? {};
  const arch = wish.arch ?? (process.arch === 'x64' ? 'amd64' : 'arm64');
  const inventory: ReleaseInventory = {
    ...{ inventoryVersion: 1, packages: { base: '1' }, units: [], kernelArguments: ['quiet'], initrdModules: [] },
    ...wish.inventory,
  };
  const parts = {
    chunkIndex: replaced.index ?? encodeChunkIndex(cut.index),
    chunks: replaced.chunks ?? cut.chunks,
    uki: wish.uki ?? Buffer.from(`UKI ${cut.rootHash}`),
    ukiIndex: new Uint8Array(0),
    bootLoader: Buffer.from('systemd-boot'),
    biosLoader: Buffer.from('boot.img and core.img'),
    inventory: Buffer.from(formatReleasePart(inventory)),
  };
  parts.ukiIndex = encodeChunkIndex(plainIndex(parts.uki, wish.averageBytes ?? TEST_AVERAGE_BYTES));
  const blob = (bytes: Uint8Array) => ({ sha256: sha256Of(bytes), sizeBytes: bytes.length });
  const document: ReleaseDocument = {
    releaseVersion: 1,
    name: 'edge',
    version: wish.version ?? '1',
    imageId: sha256Of(Buffer.from(`${wish.version ?? '1'} ${cut.rootHash}`)),
    arch,
    debug: false,
    layoutVersion: 1,
    kernelVersion: '6.12.1',
    slotBytes: Math.ceil(wish.root.length / 4096) * 8192,
    root: blob(wish.root),
    verity: { rootHash: cut.rootHash, ...VERITY, dataBlocks: Math.ceil(wish.root.length / VERITY_BLOCK) },
    chunkIndex: blob(parts.chunkIndex),
    chunks: blob(parts.chunks),
    chunkAverageBytes: wish.averageBytes ?? TEST_AVERAGE_BYTES,
    uki: blob(parts.uki),
    ukiIndex: blob(parts.ukiIndex),
    bootLoader: blob(parts.bootLoader),
    ...(arch === 'amd64' ? { biosLoader: blob(parts.biosLoader) } : {}),
    inventory: blob(parts.inventory),
    ...wish.document,
  };
  const text = formatReleasePart(document);
  const signatures = signaturesFor(text, wish.signers ?? []);
  const published = wish.alter?.(text) ?? text;
  await writeArtifactLayout({
    folder: wish.folder,
    artifactType: RELEASE_MEDIA_TYPES.artifact,
    architecture: arch,
    ...(wish.tag === undefined ? {} : { tag: wish.tag }),
    fill: async (add) => {
      const layers = [];
      for (const [name, bytes] of Object.entries(parts)) {
        if (name === 'biosLoader' && arch !== 'amd64') continue;
        layers.push(await add(RELEASE_MEDIA_TYPES[name as keyof typeof parts], one(bytes)));
      }
      if (wish.signers !== undefined) {
        const changed = wish.alterSignatures?.(signatures) ?? signatures;
        layers.push(await add(RELEASE_MEDIA_TYPES.signatures, one(Buffer.from(changed))));
      }
      return { config: await add(RELEASE_MEDIA_TYPES.document, one(Buffer.from(published))), layers };
    },
  });
  return { ...cut, folder: wish.folder, root: wish.root, document };
}

/** A key pair as a release is signed with it. */
export interface TestSigner {
  privateKey: KeyObject;
  /** PEM of the public key. */
  pem: string;
  key: ReleaseKey;
}

/** Makes a key pair; `name` is that of its file. */
export function makeSigner(name: string): TestSigner {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
  const key = parseReleaseKey(name, pem);
  if (key === undefined) throw new Error('the key is none');
  return { privateKey, pem, key };
}

function signaturesFor(text: string, signers: readonly TestSigner[]): string {
  return formatReleasePart({
    signaturesVersion: 1,
    signatures: signers.map(({ privateKey, key }) => ({
      keyId: key.id as `sha256:${string}`,
      algorithm: 'ed25519',
      signature: sign(null, Buffer.from(text), privateKey).toString('base64'),
    })),
  });
}

async function* one(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
