import { abortedError, HostError } from './error.ts';
import { outputTooLarge, processFailed, processNotFound, processTimedOut } from './process-failure.ts';
import type { Processes, ProcessResult, ProcessSpec, RunningProcess, StdinSource } from './processes.ts';

/** What a made-up program does with its arguments and input. */
export interface FakeOutcome {
  exitCode?: number;
  stdout?: string | Uint8Array;
  stderr?: string;
  /** How long it takes; a time-out or an abort may come first. */
  takesMs?: number;
}

/** A made-up program. */
export type FakeProgram = (
  args: readonly string[],
  input: Uint8Array,
  env: Readonly<Record<string, string>>,
) => FakeOutcome | Promise<FakeOutcome>;

/** Processes that exist in memory only: programs by name, and a record of what was run. */
export class FakeProcesses implements Processes {
  readonly runs: (readonly string[])[] = [];
  readonly #programs: Readonly<Record<string, FakeProgram>>;

  constructor(programs: Readonly<Record<string, FakeProgram>>) {
    this.#programs = programs;
  }

  async run(spec: ProcessSpec): Promise<ProcessResult> {
    if (spec.signal?.aborted) throw abortedError(spec.argv[0], spec.signal);
    const [name, ...args] = spec.argv;
    const program = this.#programs[name];
    if (program === undefined) throw processNotFound(spec.argv, 'the fake programs');
    this.runs.push(spec.argv);
    const outcome = await program(args, await readInput(spec.stdin), spec.env ?? {});
    await wait(outcome.takesMs ?? 0, spec, outcome.stderr ?? '');
    const stdout =
      typeof outcome.stdout === 'string' ? Buffer.from(outcome.stdout) : (outcome.stdout ?? Buffer.alloc(0));
    const exitCode = outcome.exitCode ?? 0;
    const stderrTail = outcome.stderr ?? '';
    const sink = spec.stdout ?? { kind: 'capture' };
    if (sink.kind === 'file') throw new HostError({ code: 'PROCESS_FAILED', message: 'fake processes write no files' });
    if (sink.kind === 'chunks') await sink.onChunk(stdout);
    if (sink.kind === 'capture' && stdout.length > (spec.maxCaptureBytes ?? Number.POSITIVE_INFINITY)) {
      throw outputTooLarge(spec, spec.maxCaptureBytes ?? 0);
    }
    if (!(spec.okExitCodes ?? [0]).includes(exitCode))
      throw processFailed(spec, { exitCode, signal: null, stderrTail });
    return { exitCode, stdout: sink.kind === 'capture' ? stdout : new Uint8Array(), stderrTail };
  }

  spawn(spec: Omit<ProcessSpec, 'stdout' | 'stdin'>): RunningProcess {
    const input: Uint8Array[] = [];
    let end: () => void = () => undefined;
    const inputEnded = new Promise<void>((resolve) => {
      end = resolve;
    });
    const killed = new AbortController();
    const stop = spec.signal === undefined ? killed.signal : AbortSignal.any([spec.signal, killed.signal]);
    const ended = inputEnded.then(() =>
      this.run({
        ...spec,
        okExitCodes: Array.from({ length: 256 }, (_, code) => code),
        signal: stop,
        stdin: { kind: 'bytes', bytes: Buffer.concat(input) },
      }),
    );
    const output = async function* () {
      yield (await ended).stdout;
    };
    const exited = ended.then(
      ({ exitCode, stderrTail }) => ({ exitCode, signal: null, stderrTail }),
      () => ({ exitCode: null, signal: 'SIGKILL', stderrTail: '' }),
    );
    stop.addEventListener('abort', end, { once: true });
    return {
      pid: 0,
      stdin: { write: (bytes) => void input.push(bytes), end },
      output: output(),
      exited,
      kill: async () => {
        killed.abort();
        await exited;
      },
    };
  }
}

async function readInput(source: StdinSource | undefined): Promise<Uint8Array> {
  if (source?.kind === 'bytes') return source.bytes;
  return source?.kind === 'stream' ? Buffer.concat(await Array.fromAsync(source.stream)) : new Uint8Array();
}

async function wait(takesMs: number, spec: ProcessSpec, stderr: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(
      () => (takesMs > spec.timeoutMs ? reject(processTimedOut(spec, stderr)) : resolve()),
      Math.min(takesMs, spec.timeoutMs),
    );
    spec.signal?.addEventListener(
      'abort',
      () => {
        clearTimeout(timer);
        reject(abortedError(spec.argv[0], spec.signal));
      },
      { once: true },
    );
  });
}
