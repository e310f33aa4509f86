export type { LayerLimits, LayerRef, ResolveContext, ResolvedSource } from './sources/source.ts';
export { DEFAULT_LAYER_LIMITS } from './sources/source.ts';
export type { Toolbox, ToolboxBind, ToolboxRun } from './toolbox/toolbox.ts';
