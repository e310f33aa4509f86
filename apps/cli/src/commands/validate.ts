import { relative } from 'node:path';
import { formatProblems, type Problem } from '@bowline/spec';
import { Command } from 'commander';
import { readBowl } from '../bowl-file.ts';
import { defineCommand } from '../command.ts';
import { findBowl } from '../places.ts';

interface FileVerdict {
  file: string;
  valid: boolean;
  problems: readonly Problem[];
}

/** `bowline validate FILE...`: checks bowls without building them. */
export const validate = defineCommand<[files: string[]], object>({
  declare: () =>
    new Command('validate')
      .summary('check bowls')
      .description(
        'Checks bowls and what they extend. Says everything that is wrong at once: file, line, column, nearest word.',
      )
      .argument('<bowl...>', 'folders with bowl.yaml, bowl files, or names of ready bowls'),
  examples: ['bowline validate edge', 'bowline validate edge/bowl.yaml starter --json'],
  run: async ([files], _options, context) => {
    const verdicts: FileVerdict[] = [];
    for (const argument of files) {
      const path = await findBowl(argument, context);
      const loaded = await readBowl(shorter(path, context.cwd), context.projectFolder, context.cwd);
      verdicts.push({ file: path, valid: loaded.ok, problems: loaded.ok ? loaded.warnings : loaded.problems });
    }
    const lines = verdicts.map((verdict) => {
      const problems = formatProblems(verdict.problems);
      return verdict.valid ? [`${verdict.file}: valid`, problems].filter(Boolean).join('\n') : problems;
    });
    const valid = verdicts.every((verdict) => verdict.valid);
    return { text: lines.join('\n'), json: { valid, files: verdicts }, exitCode: valid ? 0 : 2 };
  },
});

/** The path people typed, more or less: messages with it stay short. */
function shorter(path: string, cwd: string): string {
  const short = relative(cwd, path);
  return short.startsWith('..') ? path : short;
}
