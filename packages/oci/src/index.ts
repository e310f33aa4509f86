export { type Artifact, type ArtifactSource, openArtifacts } from './artifact/open-artifacts.ts';
export { pullArtifacts } from './artifact/pull-artifacts.ts';
export { type ArtifactTransfer, type PushedArtifacts, pushArtifacts } from './artifact/push-artifacts.ts';
export {
  type ArtifactPart,
  type ArtifactParts,
  type ArtifactRequest,
  writeArtifactLayout,
} from './artifact/write-artifact.ts';
export { OciError, type OciErrorCode } from './error.ts';
export {
  type LayoutConfig,
  type LayoutImage,
  type LayoutLayer,
  type WrittenLayout,
  writeOciLayout,
} from './layout/write-layout.ts';
export type { PlatformWish } from './manifest/choose-platform.ts';
export { parseManifest } from './manifest/parse-manifest.ts';
export type { Descriptor, ImageConfig, ImageManifest } from './manifest/schema.ts';
export { compressionOf, type LayerCompression, MEDIA_TYPES } from './media-types.ts';
export {
  type ArchiveReference,
  formatImageReference,
  type ImageReference,
  type LayoutReference,
  pinImageReference,
  type RegistryReference,
} from './reference/image-reference.ts';
export { parseImageReference } from './reference/parse-image-reference.ts';
export { type CredentialLookup, type Credentials, findDockerCredentials } from './registry/credentials.ts';
export { DEFAULT_TRANSFER_LIMITS, type RegistryOptions, type TransferLimits } from './registry/options.ts';
export type { BlobPart, BlobRange } from './registry/pull-range.ts';
export { type BlobUpload } from './registry/push-blob.ts';
export { pushLayoutImage } from './registry/push-layout.ts';
export { createRegistry, type RawManifest, type Registry } from './registry/registry.ts';
export type { ImageLayer, ImageSource, ResolvedImage } from './source/image-source.ts';
export { openImageSource } from './source/open-image-source.ts';
