/** `npm run check`: formatting, lint, types, dead exports and the architecture, two at a time; prints what failed. */
import { join } from 'node:path';
import { HostError, nodeHost } from '@bowline/host';

const ROOT = join(import.meta.dirname, '..');
const TIMEOUT_MS = 5 * 60_000;
const AT_ONCE = 2;

interface Check {
  name: string;
  /** Program of node_modules/.bin and its arguments. */
  argv: readonly [string, ...string[]];
  cure: string;
}

const CHECKS: readonly Check[] = [
  { name: 'types (tsc)', argv: ['tsc', '-p', '.', '--noEmit'], cure: 'npx tsc -p . --noEmit' },
  { name: 'lint (oxlint)', argv: ['oxlint', '--type-aware', '--deny-warnings'], cure: 'npm run fix' },
  {
    name: 'format (biome)',
    argv: ['biome', 'ci', '--colors=off', '--diagnostic-level=error', '.'],
    cure: 'npm run fix',
  },
  { name: 'dead exports (knip)', argv: ['knip', '--no-progress'], cure: 'remove what nothing uses, or use it' },
  {
    name: 'architecture',
    argv: ['vitest', 'run', '--project', 'unit', 'tests/architecture.test.ts', '--reporter=dot'],
    cure: 'see the rules in ARCHITECTURE.md',
  },
];

/** A check that failed, with all it said. */
export interface FailedCheck {
  name: string;
  cure: string;
  output: string;
}

async function runCheck(check: Check, signal: AbortSignal): Promise<FailedCheck | undefined> {
  const [program, ...args] = check.argv;
  const said: Uint8Array[] = [];
  const keep = { kind: 'chunks', onChunk: (chunk: Uint8Array) => void said.push(chunk) } as const;
  const { env, processes } = nodeHost();
  try {
    await processes.run({
      // Only this Node may run them: the machine's own may be too old.
      argv: [process.execPath, join(ROOT, 'node_modules/.bin', program), ...args],
      name: program,
      cwd: ROOT,
      env: { NO_COLOR: '1', PATH: `${join(process.execPath, '..')}:${env['PATH'] ?? ''}` },
      stdout: keep,
      stderr: keep,
      timeoutMs: TIMEOUT_MS,
      signal,
    });
    return undefined;
  } catch (error) {
    if (!(error instanceof HostError) || signal.aborted) throw error;
    const output = Buffer.concat(said).toString('utf8').trim();
    return { name: check.name, cure: check.cure, output: output === '' ? error.message : output };
  }
}

/** Runs every check, also after one failed; prints a line for each and the output of those that failed. */
export async function runChecks(signal: AbortSignal): Promise<{ passed: number; failed: FailedCheck[] }> {
  const waiting = [...CHECKS];
  const failed: FailedCheck[] = [];
  const worker = async (): Promise<void> => {
    for (let check = waiting.shift(); check !== undefined; check = waiting.shift()) {
      const startedMs = performance.now();
      const failure = await runCheck(check, signal);
      const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
      console.log(`${failure === undefined ? 'ok  ' : 'FAIL'} ${check.name} (${seconds} s)`);
      if (failure !== undefined) failed.push(failure);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  for (const { name, output, cure } of failed) console.log(`\n--- ${name} failed ---\n${output}\n(cure: ${cure})`);
  return { passed: CHECKS.length - failed.length, failed };
}

if (import.meta.main) {
  const { failed } = await runChecks(AbortSignal.timeout(2 * TIMEOUT_MS));
  if (failed.length > 0) process.exitCode = 1;
}
