import * as z from 'zod';

/** `sha256:` and 64 hex digits. */
const Sha256 = z.templateLiteral(['sha256:', z.string().regex(/^[0-9a-f]{64}$/)]);
/** Docker writes an empty list as null in some versions. */
const nullable = <T extends z.ZodType>(schema: T) => schema.nullish();

/** A platform of an index entry (OCI image spec 1.1, image-index.md). */
export const Platform = z.looseObject({
  architecture: z.string().max(64),
  os: z.string().max(64),
  variant: z.string().max(64).optional(),
});
export type Platform = z.infer<typeof Platform>;

/** A pointer to content (OCI image spec 1.1, descriptor.md). */
export const Descriptor = z.looseObject({
  mediaType: z.string().max(255),
  digest: Sha256,
  size: z.int().min(0),
  annotations: nullable(z.record(z.string(), z.string())),
  platform: Platform.optional(),
  artifactType: z.string().optional(),
});
export type Descriptor = z.infer<typeof Descriptor>;

/** An OCI image index or a Docker manifest list. */
export const ImageIndex = z.looseObject({
  schemaVersion: z.literal(2),
  mediaType: z.string().optional(),
  manifests: z.array(Descriptor).max(10_000),
});
export type ImageIndex = z.infer<typeof ImageIndex>;

/** An OCI image manifest or a Docker image manifest v2. */
export const ImageManifest = z.looseObject({
  schemaVersion: z.literal(2),
  mediaType: z.string().optional(),
  config: Descriptor,
  layers: z.array(Descriptor).max(1000),
  annotations: nullable(z.record(z.string(), z.string())),
});
export type ImageManifest = z.infer<typeof ImageManifest>;

/** An image configuration (OCI image spec 1.1, config.md); Docker's is the same with more keys. */
export const ImageConfig = z.looseObject({
  architecture: z.string().max(64),
  os: z.string().max(64),
  variant: z.string().max(64).optional(),
  created: nullable(z.string()),
  config: nullable(
    z.looseObject({
      User: nullable(z.string()),
      Env: nullable(z.array(z.string())),
      Entrypoint: nullable(z.array(z.string())),
      Cmd: nullable(z.array(z.string())),
      WorkingDir: nullable(z.string()),
      Labels: nullable(z.record(z.string(), z.string())),
    }),
  ),
  rootfs: z.looseObject({ type: z.literal('layers'), diff_ids: z.array(Sha256).nullable() }),
});
export type ImageConfig = z.infer<typeof ImageConfig>;

/** `oci-layout` file of a layout folder (image-layout.md). */
export const LayoutMarker = z.looseObject({ imageLayoutVersion: z.string().regex(/^1\./, 'must be version 1') });

/** `manifest.json` of a docker-archive. */
export const ArchiveManifest = z
  .array(
    z.looseObject({
      Config: z.string().min(1),
      RepoTags: nullable(z.array(z.string())),
      Layers: z.array(z.string().min(1)).max(1000),
    }),
  )
  .min(1)
  .max(1000);
export type ArchiveManifest = z.infer<typeof ArchiveManifest>;
