import { createWriteStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import type { Readable, Writable } from 'node:stream';
import { ByteTail } from './byte-tail.ts';
import { ChildGroup } from './child-group.ts';
import { abortedError, errnoOf, explainDiskFull } from './error.ts';
import { outputTooLarge, processFailed, processName, processTimedOut } from './process-failure.ts';
import type { OutputSink, Processes, ProcessResult, ProcessSpec, RunningProcess, StdinSource } from './processes.ts';

const STDERR_TAIL_BYTES = 64 * 1024;
const STDERR_FD = 2;
const DEFAULT_CAPTURE_BYTES = 16 * 2 ** 20;
/** After a process ended its pipes are empty at once, unless something outside its group holds them. */
const PIPE_CLOSE_MS = 5000;

/**
 * Runs real programs. Chunks given to a child's standard input must not be changed after they were yielded, except those
 * of 64 KiB and more, which are written out before the next one is asked for.
 * A pipe to a child is a socket: tools must read `-`, not `/dev/stdin`.
 */
export class NodeProcesses implements Processes {
  async run(spec: ProcessSpec): Promise<ProcessResult> {
    if (spec.signal?.aborted) throw abortedError(processName(spec), spec.signal);
    const stdout = spec.stdout ?? { kind: 'capture' };
    const files = new Map<'stdout' | 'stderr', FileHandle>();
    try {
      if (stdout.kind === 'file') files.set('stdout', await openSink(stdout.path));
      if (spec.stderr?.kind === 'file') files.set('stderr', await openSink(spec.stderr.path));
      return await this.#runWith(spec, stdout, files);
    } finally {
      for (const file of files.values()) await file.close();
    }
  }

  spawn(spec: Omit<ProcessSpec, 'stdout' | 'stdin'>): RunningProcess {
    if (spec.signal?.aborted) throw abortedError(processName(spec), spec.signal);
    const errorFile = spec.stderr?.kind === 'file' ? createWriteStream(spec.stderr.path, { mode: 0o644 }) : undefined;
    errorFile?.on('error', () => undefined);
    const group = ChildGroup.start(spec, ['pipe', 'pipe', 'pipe']);
    const stdin = group.child.stdin as Writable;
    const output = group.child.stdout as Readable;
    const tail = new ByteTail(STDERR_TAIL_BYTES);
    const stderrDone = drain(
      group.child.stderr as Readable,
      errorHandler(spec.stderr, (chunk) => void errorFile?.write(chunk), tail),
    )
      .catch(() => undefined)
      .finally(() => errorFile?.end());
    stdin.on('error', () => undefined);
    output.on('error', () => undefined);
    const unwatch = group.watch(spec, () => void group.kill());
    const exited = group.exited.then(async (end) => {
      unwatch();
      await settleWithin(stderrDone, PIPE_CLOSE_MS);
      return { ...end, stderrTail: tail.text() };
    });
    return {
      pid: group.pid,
      stdin: { write: (bytes) => void stdin.write(bytes), end: () => void stdin.end() },
      output,
      exited,
      kill: (graceMs) => group.kill(graceMs),
    };
  }

  async #runWith(
    spec: ProcessSpec,
    stdout: OutputSink,
    files: ReadonlyMap<'stdout' | 'stderr', FileHandle>,
  ): Promise<ProcessResult> {
    const ownStderr = spec.mayLeaveDaemons ? STDERR_FD : undefined;
    const group = ChildGroup.start(spec, [
      stdinMode(spec.stdin),
      ownStderr ?? (stdout.kind === 'inherit' ? 'inherit' : (files.get('stdout')?.fd ?? 'pipe')),
      ownStderr ?? 'pipe',
    ]);
    // The first reason to stop wins; what follows from killing the group is only its echo.
    let failure: { error: unknown } | undefined;
    const stop = (error: unknown) => {
      failure ??= { error };
      void group.kill();
    };
    const tail = new ByteTail(STDERR_TAIL_BYTES);
    const captured: Uint8Array[] = [];
    const unwatch = group.watch(spec, (reason) =>
      stop(reason === 'timeout' ? processTimedOut(spec, tail.text()) : abortedError(processName(spec), spec.signal)),
    );
    const limitBytes = spec.maxCaptureBytes ?? DEFAULT_CAPTURE_BYTES;
    const flows = [
      feed(group.child.stdin, spec.stdin, () => failure !== undefined),
      drain(group.child.stdout, outputHandler(spec, stdout, captured, limitBytes)),
      drain(group.child.stderr, errorHandler(spec.stderr, writeTo(spec.stderr, files.get('stderr')), tail)),
    ].map((flow) => flow.catch(stop));

    const end = await group.exited;
    unwatch();
    // A source that still waits for its next chunk when the child is gone must not hold us up.
    const [feeding, ...draining] = flows;
    group.child.stdin?.destroy();
    await settleWithin(Promise.all(draining), PIPE_CLOSE_MS);
    group.child.stdout?.destroy();
    group.child.stderr?.destroy();
    await settleWithin(feeding ?? Promise.resolve(), 0);
    if (failure !== undefined) throw failure.error;
    if (end.exitCode === null || !(spec.okExitCodes ?? [0]).includes(end.exitCode)) {
      throw processFailed(spec, { ...end, stderrTail: tail.text() });
    }
    return { exitCode: end.exitCode, stdout: Buffer.concat(captured), stderrTail: tail.text() };
  }
}

function stdinMode(source: StdinSource | undefined): 'ignore' | 'inherit' | 'pipe' {
  if (source === undefined || source.kind === 'none') return 'ignore';
  return source.kind === 'inherit' ? 'inherit' : 'pipe';
}

async function openSink(path: string): Promise<FileHandle> {
  const file = await open(path, 'w', 0o644);
  // The umask must not show; but a device such as /dev/null is not ours to change.
  if ((await file.stat()).isFile()) await file.chmod(0o644);
  return file;
}

function outputHandler(
  spec: ProcessSpec,
  sink: OutputSink,
  captured: Uint8Array[],
  limitBytes: number,
): (chunk: Uint8Array) => void | Promise<void> {
  if (sink.kind === 'chunks') return sink.onChunk;
  let sizeBytes = 0;
  return (chunk) => {
    sizeBytes += chunk.length;
    if (sizeBytes > limitBytes) throw outputTooLarge(spec, limitBytes);
    captured.push(chunk);
  };
}

function errorHandler(
  sink: OutputSink | undefined,
  write: (chunk: Uint8Array) => void | Promise<void>,
  tail: ByteTail,
): (chunk: Uint8Array) => Promise<void> {
  return async (chunk) => {
    tail.push(chunk);
    if (sink?.kind === 'chunks') await sink.onChunk(chunk);
    if (sink?.kind === 'inherit') process.stderr.write(chunk);
    if (sink?.kind === 'file') await write(chunk);
  };
}

function writeTo(sink: OutputSink | undefined, file: FileHandle | undefined): (chunk: Uint8Array) => Promise<void> {
  return async (chunk) => {
    await file?.writeFile(chunk).catch((error: unknown) => {
      throw explainDiskFull(error, sink?.kind === 'file' ? sink.path : '');
    });
  };
}

/** Hands every chunk on, one at a time: a slow receiver slows the child down. */
async function drain(stream: Readable | null, onChunk: (chunk: Uint8Array) => void | Promise<void>): Promise<void> {
  if (stream === null) return;
  for await (const chunk of stream) await onChunk(chunk as Uint8Array);
}

/** Feeds standard input no faster than the child reads. A child that stops reading is no error: its exit code decides. */
async function feed(stdin: Writable | null, source: StdinSource | undefined, stopped: () => boolean): Promise<void> {
  if (stdin === null || source === undefined || source.kind === 'none' || source.kind === 'inherit') return;
  let broken: unknown;
  let wake: (() => void) | undefined;
  stdin.on('error', (error) => {
    broken = error;
    wake?.();
  });
  stdin.on('drain', () => wake?.());
  stdin.on('close', () => wake?.());
  const chunks = source.kind === 'bytes' ? [source.bytes] : source.stream;
  for await (const chunk of chunks) {
    if (broken !== undefined || stdin.destroyed || stopped()) break;
    if (!stdin.write(chunk)) {
      await new Promise<void>((resolve) => {
        wake = resolve;
        if (broken !== undefined || stdin.destroyed || !stdin.writableNeedDrain) resolve();
      });
    }
  }
  stdin.end();
  const code = errnoOf(broken);
  if (broken !== undefined && code !== 'EPIPE' && code !== 'ECONNRESET' && code !== 'ERR_STREAM_DESTROYED')
    throw broken;
}

async function settleWithin(work: Promise<unknown>, limitMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, limitMs);
  });
  await Promise.race([work, limit]);
  clearTimeout(timer);
}
