import { basename, relative } from 'node:path';
import {
  formatVerdict,
  isMachineText,
  loadMachineDocument,
  type NotAppliedKey,
  notAppliedKeys,
  type Problem,
  type SourceText,
} from '@bowline/spec';
import { Command } from 'commander';
import { readBowl, readText } from '../bowl-file.ts';
import { defineCommand } from '../command.ts';
import { findBowl } from '../places.ts';

interface FileVerdict {
  file: string;
  kind: 'bowl' | 'cloud-config';
  valid: boolean;
  problems: readonly Problem[];
  /** Keys of a cloud-config that are right and do nothing yet. */
  notApplied?: readonly NotAppliedKey[];
}

interface ValidateOptions {
  strict?: true;
}

/** `bowline validate FILE...`: checks bowls and cloud-configs without building them. */
export const validate = defineCommand<[files: string[]], ValidateOptions>({
  declare: () =>
    new Command('validate')
      .summary('check bowls and cloud-configs')
      .description(
        'Checks bowls and what they extend, and cloud-configs. Says everything that is wrong at once: file, line, column,\nnearest word. What a machine can live with is a warning.',
      )
      .argument('<file...>', 'folders with bowl.yaml, bowl files, names of ready bowls, or cloud-configs')
      .option('--strict', 'let warnings be errors'),
  examples: [
    'bowline validate edge',
    'bowline validate edge/bowl.yaml starter --json',
    'bowline validate --strict cloud-config.yaml',
  ],
  run: async ([files], { strict = false }, context) => {
    const verdicts: FileVerdict[] = [];
    for (const argument of files) {
      const path = await findBowl(argument, context);
      const name = shorter(path, context.cwd);
      const source = await readText(name, context.cwd);
      if (basename(path) !== 'bowl.yaml' && isMachineText(source.text)) {
        verdicts.push(checkMachineText(source, path, strict));
        continue;
      }
      const loaded = await readBowl(name, context.projectFolder, context.cwd);
      const problems = loaded.ok ? loaded.warnings : loaded.problems;
      const valid = loaded.ok && !(strict && problems.length > 0);
      verdicts.push({ file: path, kind: 'bowl', valid, problems: strict ? asErrors(problems) : problems });
    }
    const valid = verdicts.every((verdict) => verdict.valid);
    return { text: verdicts.map(formatVerdict).join('\n'), json: { valid, files: verdicts }, exitCode: valid ? 0 : 2 };
  },
});

function checkMachineText(source: SourceText, file: string, strict: boolean): FileVerdict {
  const { document, problems } = loadMachineDocument(source, { strict });
  const notApplied = document ? notAppliedKeys(document.values) : [];
  return { file, kind: 'cloud-config', valid: document !== undefined, problems, notApplied };
}

function asErrors(problems: readonly Problem[]): Problem[] {
  return problems.map((problem) => ({ ...problem, severity: 'error' }));
}

/** The path people typed, more or less: messages with it stay short. */
function shorter(path: string, cwd: string): string {
  const short = relative(cwd, path);
  return short.startsWith('..') ? path : short;
}
