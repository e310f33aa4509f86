import type { LifecycleHook } from '@bowline/spec';
import { programTitle, runImageProgram } from '../machine/image-program.ts';
import type { Machine } from '../machine/machine.ts';
import { warningLine } from '../stages/journal.ts';

/** Steps of cloud-configs that run when the machine went back to an older version. */
const STAGE = 'after-rollback';

/**
 * Runs what the bowl and the configuration want after a rollback; what fails is told, and the others run. Returns a sentence
 * for each.
 */
export async function runAfterRollback(
  machine: Machine,
  hooks: readonly LifecycleHook[],
  say: (line: string) => void,
): Promise<string[]> {
  const notes: string[] = [];
  for (const hook of hooks) {
    try {
      await runImageProgram(machine, hook);
      notes.push(`after the rollback, ${programTitle(hook)} was run`);
    } catch (error) {
      notes.push(`after the rollback, ${error instanceof Error ? error.message : 'a hook failed'}`);
      say(warningLine(`assess: ${notes.at(-1)}`));
    }
  }
  const { runStage } = await import('../stages/run-stage.ts');
  const { steps } = await runStage(STAGE, machine, { say });
  if (steps.length > 0) notes.push(`after the rollback, the stage ${STAGE} was run`);
  return notes;
}
