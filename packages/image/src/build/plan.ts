import { createHash } from 'node:crypto';
import type { Digest } from '@bowline/host';
import {
  type Arch,
  type Bowl,
  canonicalJson,
  type LifecycleDocument,
  lifecycleOfBowl,
  type OutputKind,
} from '@bowline/spec';

/** Compose all layers and the bowl's own configuration into squashfs and verity tree. */
export interface RootStep {
  kind: 'root';
  arch: Arch;
  /** Uncompressed layers by digest, lowest first; `foreign`: not made on top of those below (a kernel, firmware). */
  layers: readonly { diffId: Digest; foreign: boolean }[];
  /** The part of the bowl that is written into the root. */
  configuration: Pick<Bowl, 'files' | 'users' | 'systemd' | 'version'> & {
    hostname: string;
    lifecycle: LifecycleDocument;
    /** Paths beside the bowl. */
    trustedKeys: readonly string[];
  };
  /** Digests of the files beside the bowl that go into the root. */
  files: Readonly<Record<string, string>>;
  /** Digest of the layer that Bowline adds, which names the image. */
  runtime: Digest;
  /** Digest of Bowline's tools: another squashfs-tools may write other bytes. */
  toolbox: Digest;
}

/** Put kernel, initrd and command lines into one signed or unsigned UKI. */
export interface UkiStep {
  kind: 'uki';
  arch: Arch;
  rootHash: string;
  kernelVersion: string;
  initrd: Digest;
  name: string;
  version: string;
  imageId: Digest;
  kernelArguments: readonly string[];
  cloudConfig: string | undefined;
  slotBytes: number;
  recovery: boolean;
  debug: boolean;
  /** After how long the initrd resets a start of a version on trial that nobody called healthy. */
  trialSeconds: number;
  /** sha256 of the signing certificate, where there is one. */
  signer: string | undefined;
  /** Digest of Bowline's tools, which bring the stub and the boot loader. */
  toolbox: Digest;
}

/** Write one artefact from what is sealed. */
export interface OutputStep {
  kind: 'output';
  output: OutputKind;
}

/** Everything a build does, as data. */
export type Step = RootStep | UkiStep | OutputStep;

/** Raised when the code of a step makes other bytes of the same inputs: older results are then no longer taken. */
export const STEP_VERSION = { root: 1, uki: 5, output: 2 } as const satisfies Record<Step['kind'], number>;

/** Cache key of a step: the same key, the same bytes. */
export function stepKey(step: Step): Digest {
  const text = canonicalJson({ ...step, stepVersion: STEP_VERSION[step.kind] });
  return `sha256:${createHash('sha256').update(text).digest('hex')}`;
}

/**
 * The root step of an architecture. Pure: everything it depends on is in the arguments.
 *
 * @param files digests of all files beside the bowl, as in the lock
 */
export function planRoot(
  bowl: Bowl,
  arch: Arch,
  layers: RootStep['layers'],
  files: Readonly<Record<string, string>>,
  runtime: Digest,
  toolbox: Digest,
): RootStep {
  const { users, systemd, version } = bowl;
  const { trustedKeys } = bowl.upgrade;
  const configuration = {
    files: bowl.files,
    users,
    systemd,
    version,
    hostname: bowl.hostname ?? bowl.name,
    lifecycle: lifecycleOfBowl(bowl),
    trustedKeys,
  };
  // Others (a cloud-config) go into the UKI: a change of them costs no new root.
  const sources = new Set([...bowl.files.map((file) => file.source), ...trustedKeys]);
  const inRoot = Object.fromEntries(Object.entries(files).filter(([path]) => sources.has(path)));
  return { kind: 'root', arch, layers, configuration, files: inRoot, runtime, toolbox };
}
