import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, isAbsolute, join } from 'node:path';
import { errnoOf } from './error.ts';
import { processFailed, processNotFound } from './process-failure.ts';
import type { ProcessSpec } from './processes.ts';

const SYSTEM_PATH = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];
const DEFAULT_GRACE_MS = 2000;
const MAX_TIMER_MS = 2 ** 31 - 1;

/** The system's folders first (sbin too, which ordinary users often lack), then what the caller's PATH adds. */
function searchPath(): string {
  const own = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => isAbsolute(folder));
  return [...new Set([...SYSTEM_PATH, ...own])].join(delimiter);
}

/** Absolute path of a program on a search path; undefined when no executable file has that name. */
export function findProgram(name: string, path: string = searchPath()): string | undefined {
  const candidates = name.includes('/') ? [name] : path.split(delimiter).map((folder) => join(folder, name));
  return candidates.find((candidate) => {
    try {
      accessSync(candidate, constants.X_OK);
      return statSync(candidate).isFile();
    } catch {
      return false;
    }
  });
}

/** An environment built from nothing: what the tools print and write must not depend on the user's. */
function buildEnvironment(extra: Record<string, string> | undefined): Record<string, string> {
  return { PATH: searchPath(), HOME: homedir(), LANG: 'C.UTF-8', TZ: 'UTC', ...extra };
}

/**
 * One child as the leader of a process group of its own.
 *
 * INVARIANTS
 * - The whole group is gone when `exited` has resolved: what the leader leaves behind is killed, unless it may leave
 *   daemons.
 * - When this process exits, so does the group. When this process is killed with SIGKILL, the kernel kills the
 *   leader (PR_SET_PDEATHSIG, set by setpriv of util-linux); grandchildren then end only if the leader was the
 *   first process of a PID namespace, which is why Bowline's tools run in one.
 */
export class ChildGroup {
  readonly child: ChildProcess;
  readonly pid: number;
  /** Resolves once the leader has ended; never rejects. */
  readonly exited: Promise<{ exitCode: number | null; signal: string | null }>;
  #ended = false;
  #mayLeaveDaemons: boolean;

  private constructor(child: ChildProcess, pid: number, mayLeaveDaemons: boolean) {
    this.child = child;
    this.pid = pid;
    this.#mayLeaveDaemons = mayLeaveDaemons;
    const killOnExit = () => this.#signal('SIGKILL');
    process.on('exit', killOnExit);
    this.exited = new Promise((resolve) => {
      child.once('exit', (exitCode, signal) => {
        process.removeListener('exit', killOnExit);
        if (!this.#mayLeaveDaemons) this.#signal('SIGKILL');
        this.#ended = true;
        resolve({ exitCode, signal });
      });
    });
  }

  /** Starts a process. Throws HostError PROCESS_NOT_FOUND, or PROCESS_FAILED when the kernel refuses. */
  static start(
    spec: Pick<ProcessSpec, 'argv' | 'name' | 'env' | 'cwd' | 'mayLeaveDaemons'>,
    stdio: StdioOptions,
  ): ChildGroup {
    const env = buildEnvironment(spec.env);
    const program = findProgram(spec.argv[0], env['PATH']);
    if (program === undefined) throw processNotFound(spec.argv, env['PATH'] ?? '');
    const setpriv = findProgram('setpriv', SYSTEM_PATH.join(delimiter));
    const argv = [program, ...spec.argv.slice(1)];
    const [command, ...args] = setpriv === undefined ? argv : [setpriv, '--pdeathsig', 'KILL', '--', ...argv];
    const child = spawn(command ?? program, args, { env, cwd: spec.cwd, stdio, detached: true });
    if (child.pid === undefined) {
      // Node reports a refused start by an event; the reasons left by now are the folder and the process limits.
      child.once('error', () => undefined);
      const why = spec.cwd === undefined ? 'the system refused to start it' : `could not start it in ${spec.cwd}`;
      throw processFailed(spec, { exitCode: null, signal: null, stderrTail: why });
    }
    // A listener must exist: a failing kill() or a broken pipe would otherwise end this program.
    child.on('error', () => undefined);
    return new ChildGroup(child, child.pid, spec.mayLeaveDaemons ?? false);
  }

  /** Asks the group to end, and kills it after the grace time; resolves when it is gone. */
  async kill(graceMs: number = DEFAULT_GRACE_MS): Promise<void> {
    if (this.#ended) return;
    // Who is stopped has not started a daemon yet, or it was the daemon that did not come to an end.
    this.#mayLeaveDaemons = false;
    this.#signal('SIGTERM');
    const timer = setTimeout(() => this.#signal('SIGKILL'), graceMs);
    await this.exited;
    clearTimeout(timer);
  }

  /** Calls back once when the time is up or the signal fires, whichever is first; returns how to stop watching. */
  watch(
    limits: Pick<ProcessSpec, 'timeoutMs' | 'signal'>,
    onStop: (reason: 'timeout' | 'aborted') => void,
  ): () => void {
    const onAbort = () => onStop('aborted');
    limits.signal?.addEventListener('abort', onAbort, { once: true });
    const timer =
      limits.timeoutMs > MAX_TIMER_MS ? undefined : setTimeout(() => onStop('timeout'), Math.max(0, limits.timeoutMs));
    return () => {
      clearTimeout(timer);
      limits.signal?.removeEventListener('abort', onAbort);
    };
  }

  #signal(signal: NodeJS.Signals): void {
    if (this.#ended) return;
    try {
      process.kill(-this.pid, signal);
    } catch (error) {
      if (errnoOf(error) !== 'ESRCH' && errnoOf(error) !== 'EPERM') throw error;
    }
  }
}
