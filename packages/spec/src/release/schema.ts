import * as z from 'zod';
import { Arch } from '../bowl/values.ts';
import { Sha256 } from '../digest.ts';
import { formatJsonDocument, type JsonDocumentKind, parseJsonDocument } from '../json-document.ts';

const Blob = z.strictObject({ sha256: Sha256, sizeBytes: z.int().min(1) });
const Hex64 = z.string().regex(/^[0-9a-f]{64}$/, 'must be 64 hex digits');

/** Parameters of the dm-verity tree, which the machine computes itself (cryptsetup wiki, "DMVerity"). */
export const ReleaseVerity = z.strictObject({
  rootHash: Hex64,
  /** Hexadecimal; empty for none. */
  salt: z.string().regex(/^([0-9a-f]{2}){0,256}$/),
  uuid: z.string().regex(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/),
  /** Blocks of 4096 bytes that the tree covers. */
  dataBlocks: z.int().min(1),
});
export type ReleaseVerity = z.infer<typeof ReleaseVerity>;

/**
 * What a release is: the one signed document of it. Every blob is named by digest and size, so that a signature over these
 * bytes covers all of it.
 */
export const ReleaseDocument = z.strictObject({
  releaseVersion: z.literal(1),
  name: z.string().min(1).max(63),
  version: z.string().min(1).max(64),
  imageId: Sha256,
  arch: Arch,
  debug: z.boolean(),
  /** Contract between image and machine: partitions, boot entries, state. A machine takes releases of its own and of older ones. */
  layoutVersion: z.int().min(1),
  kernelVersion: z.string().min(1).max(256),
  /** Size of a slot the image was made for; the root fits any slot that is large enough for it. */
  slotBytes: z.int().min(1),
  /** root.squashfs */
  root: Blob,
  verity: ReleaseVerity,
  chunkIndex: Blob,
  chunks: Blob,
  /** Average size of a chunk: what the machine cuts its own root with. */
  chunkAverageBytes: z.int().min(4096),
  uki: Blob,
  /** Chunks of the UKI as it lies in its own blob, none of them compressed: most of it (kernel, initrd) stays the same. */
  ukiIndex: Blob.optional(),
  bootLoader: Blob,
  biosLoader: Blob.optional(),
  inventory: Blob,
});
export type ReleaseDocument = z.infer<typeof ReleaseDocument>;

/** What `upgrade --dry-run` compares. */
export const ReleaseInventory = z.strictObject({
  inventoryVersion: z.literal(1),
  /** Package name to version, from the package database of the image; empty where it has none. */
  packages: z.record(z.string(), z.string()),
  /** Names of the systemd units of the image. */
  units: z.array(z.string()),
  kernelArguments: z.array(z.string()),
  /** Names of the kernel modules of the initrd and those built in: what a root disk may need. */
  initrdModules: z.array(z.string()),
  /** SHA-256 fingerprint of the certificate the UKI is signed with. */
  signer: z.string().optional(),
});
export type ReleaseInventory = z.infer<typeof ReleaseInventory>;

/** Signatures over the exact bytes of the release document. */
export const ReleaseSignatures = z.strictObject({
  signaturesVersion: z.literal(1),
  signatures: z
    .array(
      z.strictObject({
        /** sha256 of the public key's SubjectPublicKeyInfo in DER. */
        keyId: Sha256,
        algorithm: z.literal('ed25519'),
        /** Base64 of 64 bytes (RFC 8032). */
        signature: z.base64().max(128),
      }),
    )
    .max(16),
});
export type ReleaseSignatures = z.infer<typeof ReleaseSignatures>;

/** The layout version of what this code builds and writes. */
export const LAYOUT_VERSION = 1;

/** OCI media types of a release (OCI image spec 1.1, "Guidelines for artifact usage"). */
export const RELEASE_MEDIA_TYPES = {
  artifact: 'application/vnd.bowline.release.v1',
  document: 'application/vnd.bowline.release.config.v1+json',
  chunkIndex: 'application/vnd.bowline.chunk-index.v1',
  chunks: 'application/vnd.bowline.chunks.v1',
  uki: 'application/vnd.bowline.uki.v1',
  ukiIndex: 'application/vnd.bowline.uki-index.v1',
  bootLoader: 'application/vnd.bowline.boot-loader.v1',
  biosLoader: 'application/vnd.bowline.bios-loader.v1',
  inventory: 'application/vnd.bowline.inventory.v1+json',
  signatures: 'application/vnd.bowline.signatures.v1+json',
} as const;

function kind<T>(schema: z.ZodType<T>, noun: string, key: string, maxBytes: number): JsonDocumentKind<T> {
  const hint = 'Build the release again; it is never written by hand.';
  return { schema, code: 'RELEASE_INVALID', noun, version: { key, current: 1 }, maxBytes, hint };
}
const DOCUMENT = kind(ReleaseDocument, 'release', 'releaseVersion', 2 ** 20);
const INVENTORY = kind(ReleaseInventory, 'inventory', 'inventoryVersion', 16 * 2 ** 20);
const SIGNATURES = kind(ReleaseSignatures, 'signatures', 'signaturesVersion', 2 ** 16);

/** Reads a release document; `origin` is for messages. Throws SpecError RELEASE_INVALID. */
export function parseReleaseDocument(text: string, origin: string): ReleaseDocument {
  return parseJsonDocument(DOCUMENT, text, origin);
}

/** Reads an inventory. Throws SpecError RELEASE_INVALID. */
export function parseReleaseInventory(text: string, origin: string): ReleaseInventory {
  return parseJsonDocument(INVENTORY, text, origin);
}

/** Reads signatures. Throws SpecError RELEASE_INVALID. */
export function parseReleaseSignatures(text: string, origin: string): ReleaseSignatures {
  return parseJsonDocument(SIGNATURES, text, origin);
}

/** The bytes of a release document, an inventory or signatures: the same value gives the same text. */
export function formatReleasePart(part: ReleaseDocument | ReleaseInventory | ReleaseSignatures): string {
  return formatJsonDocument(part);
}
