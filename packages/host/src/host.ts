import type { Processes } from './processes.ts';

/** Wall clock, injected so that tests decide the time. */
export interface Clock {
  now(): Date;
}

/** Everything that touches the world, in one bag; `main.ts` of an app makes the real one. */
export interface Host {
  processes: Processes;
  clock: Clock;
  fetch: typeof fetch;
  env: Readonly<Record<string, string | undefined>>;
  /** True when the effective user is root. */
  isRoot: boolean;
}
