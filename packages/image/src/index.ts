export type { LayerLimits, LayerRef, ResolveContext, ResolvedSource } from './sources/source.ts';
export { DEFAULT_LAYER_LIMITS } from './sources/source.ts';
export type { Toolbox, ToolboxBind, ToolboxRun } from './toolbox/toolbox.ts';
export { detectImage, type ImageKind } from './inspect/detect-image.ts';
export { inspectImage, type Inspection } from './inspect/inspect-image.ts';
export { type BootableImage, type BootableKind, locateImage } from './inspect/locate-image.ts';
export { ImageError, type ImageErrorCode, type PipelineErrorCode } from './error.ts';
export type { BuildEnvironment, BuildOptions, BuildResult, BuiltFile } from './build/build.ts';
export { exportStore, importStore, type StoreExport } from './resolve/store-archive.ts';
