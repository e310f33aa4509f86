import { join } from 'node:path';
import { Command, Option } from 'commander';
import { defineCommand } from '../command.ts';
import { CliError } from '../error.ts';

interface TestFlags {
  quick?: boolean;
  all?: boolean;
}

const LIMIT_MS = 24 * 3_600_000;
const TAIL_CHARACTERS = 4096;

/** The counts that the tests print at their very end; undefined when they did not get there. */
function readCounts(output: string): { passed: number; failed: number; skipped: number } | undefined {
  const [, passed, failed, skipped] = /^(\d+) passed, (\d+) failed, (\d+) skipped\n*$/m.exec(output) ?? [];
  if (passed === undefined) return undefined;
  return { passed: Number(passed), failed: Number(failed), skipped: Number(skipped) };
}

/** `bowline test`: proves this checkout on this machine. */
export const test = defineCommand<[], TestFlags>({
  declare: () =>
    new Command('test')
      .summary('prove this checkout on this machine')
      .description('Runs checks, unit tests and system tests: everything this machine can run in 45 minutes.')
      .addOption(new Option('--quick', 'only what takes no machine: 3 minutes').conflicts('all'))
      .option('--all', 'the long matrix as well'),
  examples: ['bowline test --quick', 'bowline test'],
  run: async (_args, flags, context) => {
    const words = [...(flags.quick ? ['--quick'] : []), ...(flags.all ? ['--all'] : [])];
    context.closeProgress();
    const startedMs = performance.now();
    // Whoever watches reads standard output, where the counts are the very last line; with --json it belongs to the document.
    const target = context.json ? process.stderr : process.stdout;
    let tail = '';
    const { exitCode } = await context.host.processes.run({
      argv: [process.execPath, join(context.projectFolder, 'tests', 'run.ts'), ...words],
      // The tests decide by themselves what they pass on; they are of this machine, not of an image.
      env: Object.fromEntries(
        Object.entries(context.host.env).filter((pair): pair is [string, string] => pair[1] !== undefined),
      ),
      cwd: context.projectFolder,
      stdout: {
        kind: 'chunks',
        onChunk: (chunk) => {
          target.write(chunk);
          tail = (tail + Buffer.from(chunk).toString('utf8')).slice(-TAIL_CHARACTERS);
        },
      },
      stderr: { kind: 'inherit' },
      okExitCodes: [0, 1],
      timeoutMs: LIMIT_MS,
      signal: context.signal,
    });
    const counts = readCounts(tail);
    if (counts === undefined) {
      throw new CliError({ code: 'TESTS_FAILED', message: 'the tests ended without counting what passed' });
    }
    const elapsedMs = Math.round(performance.now() - startedMs);
    return { text: '', json: { ...counts, elapsedMs }, exitCode };
  },
});
