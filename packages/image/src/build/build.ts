import type { Digest, Host, Progress } from '@bowline/host';
import type { Arch, OutputKind } from '@bowline/spec';
import type { LayerLimits } from '../sources/source.ts';

/** What one build is asked to do. Paths are absolute. */
export interface BuildOptions {
  /** The bowl file, or the folder that holds `bowl.yaml`. */
  bowlPath: string;
  /** Where `<name>/` with the artefacts goes. */
  outFolder: string;
  cacheFolder: string;
  /** Instead of those the bowl names. */
  outputs?: readonly OutputKind[];
  /** Instead of those the bowl names. */
  arch?: readonly Arch[];
  /** Refuse (LOCK_STALE) when bowl.lock would change. */
  locked: boolean;
  offline: boolean;
  /** Look every source up again and write new pins. */
  update: boolean;
  /** Open a root shell on a second serial port; changes the image ID. */
  debug: boolean;
  /** Sign with these (PEM files). */
  keys?: { key: string; certificate: string };
  limits: LayerLimits;
  plainHttpRegistries: readonly string[];
  signal: AbortSignal;
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
  /** sha256 over canonical bowl and lock, per architecture in one ID. */
  imageId: Digest;
  folder: string;
  manifestPath: string;
  files: readonly BuiltFile[];
  /** True when everything was found finished and nothing was made. */
  unchanged: boolean;
}

/** Environment of a build: the world, and where progress goes. */
export interface BuildEnvironment {
  host: Host;
  progress: Progress;
}
