import type { Clock, Processes } from '@bowline/host';

/** What conditions ask the machine. */
export interface MachineFacts {
  /** ID, NAME and VERSION_ID of os-release(5); empty where there is none. */
  osId: string;
  osName: string;
  osVersion: string;
  /** amd64 or arm64. */
  arch: string;
  serviceManager: 'systemd' | 'openrc' | 'none';
  hostname: string;
}

/**
 * The machine that steps act on. In tests `root` is a folder; the rest is real. Everything a plugin reads or writes goes
 * through `locate`, every program through `processes`, every request through `fetch`.
 */
export interface Machine {
  /** `/` on a machine. */
  readonly root: string;
  /** Path of a file of the machine as this process sees it. */
  locate(path: string): string;
  readonly processes: Processes;
  readonly fetch: typeof fetch;
  readonly clock: Clock;
  facts(): Promise<MachineFacts>;
  /**
   * Renders a template with the facts of the machine; a key that the facts do not have is `<no value>`, or an error
   * with `missingKeyIsError`. Throws TemplateError.
   */
  render(text: string, options?: { missingKeyIsError?: boolean }): Promise<string>;
  /** Path of a program of the machine (searched in the usual folders below `root`), or undefined. */
  program(name: string): Promise<string | undefined>;
  /** Aborted when the step has used up its time, or the agent is stopped. */
  readonly signal: AbortSignal;
  /** The same machine for work that has a time limit of its own. */
  withSignal(signal: AbortSignal): Machine;
}
