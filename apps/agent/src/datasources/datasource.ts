import type { Step } from '@bowline/spec';
import type { LabelledVolume } from '../disk/labelled-volumes.ts';
import type { Machine } from '../machine/machine.ts';
import type { Dmi } from './dmi.ts';
import type { Endpoints } from './endpoints.ts';

/** Name of a source in `providers`. */
export type DatasourceName = NonNullable<Step['datasource']>['providers'][number];

/** What a source knows of the machine itself. */
export interface SeedMetadata {
  /** Changes when the machine is another one, also when its disk is a copy. */
  instanceId?: string | undefined;
  hostname?: string | undefined;
  /** Lines of authorized_keys; nothing of them was checked yet. */
  sshKeys: readonly string[];
}

/** What a source gave. */
export interface SeedData {
  /** As stored: cloud-config, script, MIME or gzip; undefined when the owner gave none. */
  userdata: Uint8Array | undefined;
  metadata: SeedMetadata;
  /** What it holds besides that Bowline does not apply, for people: `network-config`. */
  ignored?: readonly string[];
}

/** What sources work with. */
export interface DatasourceContext {
  machine: Machine;
  /** Aborted when the time for all sources is over, or another one has won. */
  signal: AbortSignal;
  endpoints: Endpoints;
  /** Milliseconds between tries of a request. */
  retryPauseMs: number;
  /** `path` of the step, for the source `file`. */
  path: string | undefined;
  /** Volumes of the machine with their labels, read once. */
  volumes(): Promise<readonly LabelledVolume[]>;
}

/** A place where user data comes from. */
export interface Datasource {
  readonly name: DatasourceName;
  /** Says from DMI whether this is its cloud; undefined for what lies on the machine itself, which is always asked. */
  readonly isHere?: (dmi: Dmi) => boolean;
  /** Asks. Undefined: there is nothing. Throws AgentError DATASOURCE_FAILED when it cannot be asked. */
  fetch(context: DatasourceContext): Promise<SeedData | undefined>;
}

/** Largest user data, in bytes; clouds allow 16 to 256 KiB, files some more. */
export const MAX_USERDATA_BYTES = 4 * 1024 * 1024;
