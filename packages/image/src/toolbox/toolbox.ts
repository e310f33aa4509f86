import type { Digest, OutputSink, ProcessResult, StdinSource } from '@bowline/host';

/** A folder or file of the host shown inside the toolbox. */
export interface ToolboxBind {
  source: string;
  /** Absolute path inside. */
  target: string;
  writable: boolean;
}

export interface ToolboxRun {
  argv: readonly [string, ...string[]];
  binds: readonly ToolboxBind[];
  env?: Record<string, string>;
  stdin?: StdinSource;
  stdout?: OutputSink;
  timeoutMs: number;
  signal?: AbortSignal;
  maxCaptureBytes?: number;
  okExitCodes?: readonly number[];
}

/** The pinned Debian 13 root with the tools a build uses, entered without network in namespaces of its own. */
export interface Toolbox {
  /** Digest over the names and versions of all its packages. */
  readonly digest: Digest;
  /** Package name to version. */
  readonly packages: Readonly<Record<string, string>>;
  /** Absolute path of its root on the host, read-only: data files (systemd-stub, GRUB images) are read from here. */
  readonly root: string;
  run(spec: ToolboxRun): Promise<ProcessResult>;
}
