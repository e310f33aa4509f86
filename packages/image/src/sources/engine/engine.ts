import type { Host } from '@bowline/host';
import type { Arch } from '@bowline/spec';

/** A Dockerfile to execute. Every path is absolute; the context is the staged, normalised copy. */
export interface EngineBuild {
  dockerfile: string;
  contextFolder: string;
  /** Stage to build; the last one when absent. */
  target: string | undefined;
  args: Readonly<Record<string, string>>;
  arch: Arch;
}

/** Where an engine left the image it made. */
export interface EngineImage {
  kind: 'oci-layout' | 'docker-archive';
  /** Folder of the layout, or file of the archive. */
  path: string;
}

/** What an engine driver works with. */
export interface EngineContext {
  host: Host;
  /** Private folder of this run; the driver removes what only it can remove. */
  scratch: string;
  signal: AbortSignal;
}

/** A container engine that executes Dockerfiles. One file each: buildah, podman, docker. */
export interface Engine {
  readonly kind: 'buildah' | 'docker' | 'podman';
  /** Executes and exports. Throws ImageError ENGINE_FAILED, TOOL_MISSING. */
  build(request: EngineBuild, context: EngineContext): Promise<EngineImage>;
}

/** Non-empty argument vector. */
export type Argv = readonly [string, ...string[]];

/** One hour: compiling inside a Dockerfile is common, hanging for longer is a fault. */
export const ENGINE_TIMEOUT_MS = 3_600_000;
