/** `./bowline test`: the checks, the unit tests and the system tests, with one line of counts at the very end. */
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureSystemPackages, HostError, nodeHost, type Progress, withScratchFolder } from '@bowline/host';
import { runChecks } from './check.ts';
import { TEST_NEEDS } from './needs.ts';
import type { TestCounts } from './reporter.ts';

const ROOT = join(import.meta.dirname, '..');

/** `quick`: without machines, at most 3 minutes. `all`: also the long matrix. */
export type TestMode = 'quick' | 'default' | 'all';

const TIME_LIMITS_MS: Record<TestMode, number> = { quick: 10 * 60_000, default: 80 * 60_000, all: 8 * 3_600_000 };

/** What the tests may see of the environment: how to reach mirrors, and where they run. */
const PASSED_VARIABLES = /^(?:CI|TMPDIR|(?:http|https|no)_proxy|BOWLINE_[A-Z_]+|NODE_EXTRA_CA_CERTS|SSL_CERT_FILE)$/;

async function runProject(project: 'unit' | 'system', mode: TestMode, signal: AbortSignal): Promise<TestCounts> {
  const { env, processes } = nodeHost();
  const passed = Object.entries(env).flatMap(([name, value]): [string, string][] =>
    PASSED_VARIABLES.test(name) && value !== undefined ? [[name, value]] : [],
  );
  return withScratchFolder(join(tmpdir(), 'bowline-tests'), async (scratch) => {
    const countsPath = join(scratch, 'counts.json');
    let failure: string | undefined;
    try {
      await processes.run({
        argv: [
          process.execPath,
          join(ROOT, 'node_modules/vitest/vitest.mjs'),
          ...['run', '--project', project, '--passWithNoTests', `--reporter=${join(ROOT, 'tests/reporter.ts')}`],
        ],
        name: `vitest (${project})`,
        cwd: ROOT,
        env: {
          ...Object.fromEntries(passed),
          NO_COLOR: '1',
          PATH: `${join(process.execPath, '..')}:${env['PATH'] ?? ''}`,
          BOWLINE_TEST_COUNTS: countsPath,
          ...(mode === 'all' ? { BOWLINE_TEST_ALL: '1' } : {}),
        },
        stdout: { kind: 'inherit' },
        stderr: { kind: 'inherit' },
        timeoutMs: TIME_LIMITS_MS[mode],
        signal,
      });
    } catch (error) {
      if (!(error instanceof HostError)) throw error;
      failure = error.message;
    }
    const counts = await readCounts(countsPath);
    // A run that ended badly without a failed test must not look green.
    if (failure !== undefined && counts.failed === 0) {
      console.log(`FAIL ${failure}`);
      counts.failed = 1;
    }
    return counts;
  });
}

async function readCounts(path: string): Promise<TestCounts> {
  const text = await readFile(path, 'utf8').catch(() => undefined);
  return text === undefined ? { passed: 0, failed: 0, skipped: 0, skips: [] } : (JSON.parse(text) as TestCounts);
}

/** Installs what the system tests use, where this machine lets us; else the tests concerned say what they lack. */
async function ensureTools(signal: AbortSignal): Promise<void> {
  const progress: Progress = {
    task: (title, work) => {
      console.log(title);
      return work({ ...progress, bytes: () => undefined, note: () => undefined });
    },
    warn: (message) => console.log(message),
  };
  await ensureSystemPackages(nodeHost(), TEST_NEEDS, progress, signal).catch((error: unknown) => {
    if (!(error instanceof HostError) || signal.aborted) throw error;
    console.log(`${error.message}; the tests that need them are skipped\n${error.hint ?? ''}`);
  });
}

/** Runs everything the mode asks for, prints the counts as the last line, and returns the exit code: 0 or 1. */
export async function runTests(options: { mode: TestMode; signal: AbortSignal }): Promise<0 | 1> {
  const { mode, signal } = options;
  console.log('== checks');
  const checks = await runChecks(signal);
  const runs: TestCounts[] = [{ passed: checks.passed, failed: checks.failed.length, skipped: 0, skips: [] }];
  console.log('== unit tests');
  runs.push(await runProject('unit', mode, signal));
  if (mode === 'quick') {
    console.log('== system tests: left out by --quick');
  } else {
    console.log('== system tests');
    await ensureTools(signal);
    runs.push(await runProject('system', mode, signal));
  }
  const sum = (pick: (counts: TestCounts) => number) => runs.reduce((total, counts) => total + pick(counts), 0);
  const skips = runs.flatMap((counts) => counts.skips);
  if (skips.length > 0) console.log(`== skipped\n${skips.map((line) => `  ${line}`).join('\n')}`);
  const [passed, failed, skipped] = [sum((c) => c.passed), sum((c) => c.failed), sum((c) => c.skipped)];
  console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
  return failed > 0 || passed === 0 ? 1 : 0;
}

function modeOf(args: readonly string[]): TestMode {
  if (args.includes('--all')) return 'all';
  return args.includes('--quick') ? 'quick' : 'default';
}

if (import.meta.main) {
  const stop = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => stop.abort(name));
  process.exitCode = await runTests({ mode: modeOf(process.argv.slice(2)), signal: stop.signal });
}
