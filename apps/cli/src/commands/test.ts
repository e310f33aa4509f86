import { join } from 'node:path';
import { HostError } from '@bowline/host';
import { Command, Option } from 'commander';
import { defineCommand } from '../command.ts';
import { CliError } from '../error.ts';

interface TestFlags {
  quick?: boolean;
  all?: boolean;
}

const LIMIT_MS = 24 * 3_600_000;

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
    try {
      const { exitCode } = await context.host.processes.run({
        argv: [process.execPath, join(context.projectFolder, 'tests', 'run.ts'), ...words],
        // The tests decide by themselves what they pass on; they are of this machine, not of an image.
        env: Object.fromEntries(
          Object.entries(context.host.env).filter((pair): pair is [string, string] => pair[1] !== undefined),
        ),
        cwd: context.projectFolder,
        stdout: { kind: 'chunks', onChunk: (chunk) => void process.stderr.write(chunk) },
        stderr: { kind: 'inherit' },
        timeoutMs: LIMIT_MS,
        signal: context.signal,
      });
      const elapsedMs = Math.round(performance.now() - startedMs);
      return { text: 'all tests passed', json: { passed: true, elapsedMs }, exitCode };
    } catch (error) {
      if (!(error instanceof HostError) || error.code !== 'PROCESS_FAILED') throw error;
      throw new CliError({ code: 'TESTS_FAILED', message: 'some tests failed; they are listed above', cause: error });
    }
  },
});
