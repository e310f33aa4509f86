import { abortedError } from './error.ts';
import { processFailed, processName, processTimedOut } from './process-failure.ts';
import type { Processes, ProcessSpec } from './processes.ts';

/**
 * A program's standard output as a stream that ends well only if the program did: after the last chunk it throws
 * what `run` would. A consumer that stops early ends the program.
 */
export async function* processOutput(
  processes: Processes,
  spec: Omit<ProcessSpec, 'stdout' | 'stdin'>,
): AsyncGenerator<Uint8Array> {
  const startedMs = performance.now();
  const running = processes.spawn(spec);
  running.stdin.end();
  try {
    yield* running.output;
    const end = await running.exited;
    if (end.exitCode !== null && (spec.okExitCodes ?? [0]).includes(end.exitCode)) return;
    if (spec.signal?.aborted) throw abortedError(processName(spec), spec.signal);
    if (performance.now() - startedMs >= spec.timeoutMs) throw processTimedOut(spec, end.stderrTail);
    throw processFailed(spec, end);
  } finally {
    await running.kill();
  }
}
