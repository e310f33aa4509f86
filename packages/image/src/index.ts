export { type AgentSource, agentSource } from './agent/agent-source.ts';
export { forgetAgents } from './agent/forget-agents.ts';
export { buildBowl } from './build/build-bowl.ts';
export { fetchBowl } from './build/fetch-bowl.ts';
export type {
  BuildEnvironment,
  BuildOptions,
  BuildResult,
  BuiltFile,
  FetchOptions,
  FetchResult,
} from './build/options.ts';
export { ImageError, type ImageErrorCode, type PipelineErrorCode } from './error.ts';
export { detectImage, type ImageKind } from './inspect/detect-image.ts';
export { type Inspection, inspectImage } from './inspect/inspect-image.ts';
export { type BootableImage, type BootableKind, locateImage } from './inspect/locate-image.ts';
export {
  findReleaseFolders,
  openReleases,
  pullReleases,
  pushReleases,
  type ReleaseAccess,
} from './release/places.ts';
export { openTrustedKey, releaseKeyId, type TrustedKey } from './release/release-key.ts';
export { type ReleaseVerdict, type VerifyOptions, verifyRelease } from './release/verify-release.ts';
export { exportStore, importStore, type StoreExport } from './resolve/store-archive.ts';
export type { LayerLimits, LayerRef, ResolveContext, ResolvedSource } from './sources/source.ts';
export { DEFAULT_LAYER_LIMITS } from './sources/source.ts';
export type { Toolbox, ToolboxBind, ToolboxRun } from './toolbox/toolbox.ts';
