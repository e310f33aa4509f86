import type { Digest, Host, Progress } from '@bowline/host';
import type { Arch, Bowl, OutputKind } from '@bowline/spec';
import type { AgentSource } from '../agent/agent-source.ts';
import type { LayerLimits } from '../sources/source.ts';

/** What getting the inputs of a bowl is asked to do. Paths are absolute. */
export interface FetchOptions {
  /** The bowl, merged with what it extends and checked. */
  bowl: Bowl;
  /** File it was read from; `bowl.lock` lies beside it, and its relative paths start at its folder. */
  bowlPath: string;
  /** Folders of the bowls it extends: their files may be used too. */
  extendedFolders: readonly string[];
  cacheFolder: string;
  /** What the agent of every image is made from. */
  agent: AgentSource;
  /** Instead of those the bowl names. */
  arch?: readonly Arch[];
  /** Refuse (LOCK_STALE) when bowl.lock would change. */
  locked: boolean;
  offline: boolean;
  /** Look every source up again and write new pins. */
  update: boolean;
  limits: LayerLimits;
  plainHttpRegistries: readonly string[];
  signal: AbortSignal;
}

/** What one build is asked to do. */
export interface BuildOptions extends FetchOptions {
  /** Where `<name>/` with the artefacts goes. */
  outFolder: string;
  /** Instead of those the bowl names. */
  outputs?: readonly OutputKind[];
  /** Open a root shell on a second serial port; changes the image ID. */
  debug: boolean;
  /** Sign with these (PEM files). */
  keys?: { key: string; certificate: string };
  /** Sign releases with this Ed25519 key (PEM file). */
  releaseKey?: string;
}

/** One artefact that a build left in its folder. */
export interface BuiltFile {
  arch: Arch;
  output: OutputKind;
  path: string;
  sizeBytes: number;
  sha256: Digest;
}

export interface BuildResult {
  name: string;
  version: string;
  /** sha256 over canonical bowl and lock, all architectures in one. */
  imageId: Digest;
  folder: string;
  manifestPath: string;
  files: readonly BuiltFile[];
  /** True when everything was found finished and nothing was made. */
  unchanged: boolean;
}

/** What fetching left in the store. */
export interface FetchResult {
  lockPath: string;
  blobs: number;
  sizeBytes: number;
}

/** Environment of a build: the world, and where progress goes. */
export interface BuildEnvironment {
  host: Host;
  progress: Progress;
}
