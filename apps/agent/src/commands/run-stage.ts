import { Command, InvalidArgumentError } from 'commander';
import { describeTrouble } from '../config/use-config.ts';
import { catchUp } from '../stages/catch-up.ts';
import { previewStage, runStage as runStageNow } from '../stages/run-stage.ts';
import { stagePlanDocument, stagePlanText, stageRecordText } from '../stages/stage-text.ts';
import { defineCommand } from './command.ts';

interface RunStageOptions {
  dryRun?: boolean;
  analyze?: boolean;
  strict?: boolean;
  cloudInitPaths?: string[];
  overrideCloudInitPaths?: boolean;
  stepTimeout?: number;
}

/** `bowline-agent run-stage NAME`: runs the steps of a stage, or shows them. */
export const runStage = defineCommand<[name: string], RunStageOptions>({
  declare: () =>
    new Command('run-stage')
      .description(
        'Runs the steps of a stage, with those of NAME.before and NAME.after: files in their order, steps in theirs. ' +
          'A failed step never stops the others; `bowline-agent status` shows what happened.',
      )
      .argument('<name>', 'stage, such as initramfs, boot or network')
      .option('--dry-run', 'show what would run, in order, and change nothing')
      .option('-a, --analyze', 'the same as --dry-run')
      .option('-s, --strict', 'exit with 1 when a step failed')
      .option('--cloud-init-paths <folder>', 'one more folder with configurations; may be given again', collectFolder)
      .option('--override-cloud-init-paths', 'read only the folders of --cloud-init-paths')
      .option('--step-timeout <seconds>', 'time that a step may take (default: 600)', seconds),
  examples: ['bowline-agent run-stage boot', 'bowline-agent run-stage network --dry-run'],
  run: async ([name], options, context) => {
    const stageOptions = {
      folders: options.cloudInitPaths ?? [],
      onlyFolders: options.overrideCloudInitPaths === true,
      say: context.say,
      ...(options.stepTimeout === undefined ? {} : { stepTimeoutMs: options.stepTimeout }),
    };
    if (options.dryRun === true || options.analyze === true) {
      const { plan, collected } = await previewStage(name, context.machine, stageOptions);
      for (const line of [...collected.troubles.map(describeTrouble), ...collected.warnings, ...plan.warnings]) {
        context.say(`warning: ${line}`);
      }
      return { text: stagePlanText(plan), json: stagePlanDocument(plan, collected) };
    }
    const record = await runStageNow(name, context.machine, stageOptions);
    const late = await catchUp(record, context.machine, stageOptions);
    const failed = [record, ...late].some(({ steps }) =>
      steps.some(({ actions }) => actions.some(({ result }) => result === 'failed')),
    );
    const text = [record, ...late].map(stageRecordText).join('\n');
    return { text, json: record, exitCode: options.strict === true && failed ? 1 : 0 };
  },
});

function collectFolder(folder: string, folders: string[] = []): string[] {
  if (!folder.startsWith('/')) throw new InvalidArgumentError('It must be an absolute path.');
  return [...folders, folder];
}

function seconds(text: string): number {
  const value = /^[0-9]{1,6}(\.[0-9]{1,3})?$/.test(text) ? Number(text) : Number.NaN;
  if (value > 0) return value * 1000;
  throw new InvalidArgumentError('It must be a number of seconds.');
}
