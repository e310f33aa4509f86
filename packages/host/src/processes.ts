/** What a child process reads on its standard input. */
export type StdinSource =
  | { kind: 'none' }
  | { kind: 'bytes'; bytes: Uint8Array }
  | { kind: 'stream'; stream: AsyncIterable<Uint8Array> }
  | { kind: 'inherit' };

/** Where a child's standard output (or error) goes. `capture` keeps at most `maxCaptureBytes`, then fails. */
export type OutputSink =
  | { kind: 'capture' }
  | { kind: 'file'; path: string }
  | { kind: 'chunks'; onChunk: (chunk: Uint8Array) => void | Promise<void> }
  | { kind: 'inherit' };

/** One process to run: argv only, never a shell string; an environment built from nothing. */
export interface ProcessSpec {
  argv: readonly [string, ...string[]];
  /** What messages call it when argv[0] is only a wrapper; the program's name unless given. */
  name?: string | undefined;
  /** Added to the minimal environment (PATH, HOME, LANG=C.UTF-8, TZ=UTC). */
  env?: Record<string, string> | undefined;
  cwd?: string | undefined;
  stdin?: StdinSource | undefined;
  /** Captured unless given. */
  stdout?: OutputSink | undefined;
  /** Besides the tail, which is always kept. */
  stderr?: OutputSink | undefined;
  /** Kill the whole process group after this long. */
  timeoutMs: number;
  signal?: AbortSignal | undefined;
  maxCaptureBytes?: number | undefined;
  /** Exit codes that are no failure; default [0]. */
  okExitCodes?: readonly number[] | undefined;
  /**
   * For commands of other people, which may start daemons: what they leave in the background lives on once they have
   * ended, and both their outputs are this program's standard error itself, so that no pipe is waited for or breaks.
   * `stdout` and `stderr` have no meaning then; nothing is captured, not even the tail.
   */
  mayLeaveDaemons?: boolean | undefined;
}

/** What a finished process left behind. `stdout`/`stderr` are empty unless captured (stderr's tail is always kept). */
export interface ProcessResult {
  exitCode: number;
  stdout: Uint8Array;
  stderrTail: string;
}

/** Port for running programs. Only its Node adapter may import `node:child_process`. */
export interface Processes {
  /** Runs to the end. Throws HostError PROCESS_FAILED | PROCESS_TIMEOUT | PROCESS_NOT_FOUND | OUTPUT_TOO_LARGE | ABORTED. */
  run(spec: ProcessSpec): Promise<ProcessResult>;
  /** Starts a process that outlives the call (a virtual machine): streams, pid, and a promise of its end. */
  spawn(spec: Omit<ProcessSpec, 'stdout' | 'stdin'>): RunningProcess;
}

/** A process under way; `kill` ends its whole group and waits. */
export interface RunningProcess {
  pid: number;
  stdin: { write(bytes: Uint8Array): void; end(): void };
  /** Standard output as it comes. */
  output: AsyncIterable<Uint8Array>;
  exited: Promise<{ exitCode: number | null; signal: string | null; stderrTail: string }>;
  kill(graceMs?: number): Promise<void>;
}
