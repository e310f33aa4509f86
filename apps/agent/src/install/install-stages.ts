import { stat } from 'node:fs/promises';
import { AgentError } from '../error.ts';
import type { Machine } from '../machine/machine.ts';
import { runStage } from '../stages/run-stage.ts';

/** Stages of a cloud-config around an installation, as Kairos calls them; they run on the live machine. */
const INSTALL_STAGES = {
  before: ['kairos-install.pre', 'before-install'],
  after: ['after-install', 'kairos-install.after'],
} as const;

/** A step that makes this file stops the installation, in Kairos too. */
const FAIL_FILE = '/run/cos/fail_installation';

/**
 * Runs the stages of one side. Steps that failed are returned as sentences.
 *
 * @throws AgentError STEP_FAILED when a step before the installation asked for its end.
 */
export async function runInstallStages(machine: Machine, side: keyof typeof INSTALL_STAGES): Promise<string[]> {
  const failures: string[] = [];
  for (const stage of INSTALL_STAGES[side]) {
    const { steps } = await runStage(stage, machine);
    for (const { step, actions } of steps) {
      const failed = actions.find(({ result }) => result === 'failed');
      if (failed !== undefined) failures.push(`${stage}: ${step}: ${failed.error?.message ?? 'failed'}`);
    }
    const isStopped = await stat(machine.locate(FAIL_FILE)).then(
      () => true,
      () => false,
    );
    if (!isStopped || side === 'after') continue;
    throw new AgentError({
      code: 'STEP_FAILED',
      message: `install: a step of ${stage} stopped the installation (${FAIL_FILE}).`,
      hint: 'Nothing was written. See bowline-agent status, remove the file, and install again.',
    });
  }
  return failures;
}
