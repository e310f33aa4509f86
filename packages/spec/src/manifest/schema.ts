import * as z from 'zod';
import { Arch, OutputKind } from '../bowl/values.ts';
import { Sha256 } from '../digest.ts';
import { formatJsonDocument, type JsonDocumentKind, parseJsonDocument } from '../json-document.ts';

/** One artefact, by its path relative to the manifest: plain names, so that nothing outside its folder can be named. */
export const ManifestFile = z.strictObject({
  path: z
    .string()
    .max(1024)
    .regex(/^(?!\.{1,2}(\/|$))[^/\\\0]+(\/(?!\.{1,2}(\/|$))[^/\\\0]+)*$/, 'must be a path below the manifest'),
  arch: Arch,
  output: OutputKind,
  sizeBytes: z.int().min(0),
  sha256: Sha256,
});
export type ManifestFile = z.infer<typeof ManifestFile>;

/** The verified root of one architecture. */
export const ManifestRoot = z.strictObject({
  /** dm-verity root hash, SHA-256. */
  rootHash: z.string().regex(/^[0-9a-f]{64}$/, 'must be 64 hex digits'),
  /** As `uname -r` prints it. */
  kernelVersion: z.string().min(1).max(256),
  slotBytes: z.int().min(1),
  squashfsBytes: z.int().min(1),
  /** What the root was composed of, lowest first; `sizeBytes` of the uncompressed tar. */
  layers: z.array(z.strictObject({ origin: z.string(), digest: Sha256, sizeBytes: z.int().min(0) })).optional(),
});
export type ManifestRoot = z.infer<typeof ManifestRoot>;

/** `manifest.json`: everything a build left in its folder. */
export const Manifest = z.strictObject({
  manifestVersion: z.literal(1),
  name: z.string().min(1),
  version: z.string().min(1),
  imageId: Sha256,
  arch: z.array(Arch).min(1),
  debug: z.boolean(),
  files: z.array(ManifestFile),
  roots: z.partialRecord(Arch, ManifestRoot),
  /** Name to version of each tool that had a part in it. */
  tools: z.record(z.string(), z.string()),
});
export type Manifest = z.infer<typeof Manifest>;

const MANIFEST: JsonDocumentKind<Manifest> = {
  schema: Manifest,
  code: 'MANIFEST_INVALID',
  noun: 'manifest',
  version: { key: 'manifestVersion', current: 1 },
  maxBytes: 16 * 2 ** 20,
  hint: 'Build the image again; a manifest is never written by hand.',
};

/** Reads `manifest.json`; `path` is for messages. Throws SpecError MANIFEST_INVALID. */
export function parseManifest(text: string, path: string): Manifest {
  return parseJsonDocument(MANIFEST, text, path);
}

/** Writes `manifest.json`: sorted keys, files by path, a line break at the end. */
export function formatManifest(manifest: Manifest): string {
  const files = manifest.files.toSorted((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
  return formatJsonDocument({ ...manifest, files });
}
