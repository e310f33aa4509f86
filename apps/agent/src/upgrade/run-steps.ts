import { BowlineError } from '@bowline/errors';
import type { BootMenu } from '../boot-menu/boot-menu.ts';
import { AgentError } from '../error.ts';
import { rememberPending, rememberVersion } from '../lifecycle-record/record.ts';
import type { WrittenRoot } from '../release/contract.ts';
import type { NewVersion } from './upgrade-facts.ts';
import type { UpgradePorts } from './upgrade-ports.ts';
import { STEP_KINDS, type UpgradeStep } from './upgrade-step.ts';

/** What running the steps gave. */
export interface StepsResult {
  /** undefined when no root was written. */
  written: WrittenRoot | undefined;
  /** Sentences: what failed after the version began to count. */
  warnings: string[];
}

interface Run {
  next: NewVersion;
  ports: UpgradePorts;
  written?: WrittenRoot;
  prepared?: { commit(): Promise<void> };
}

/**
 * Runs the steps in their order. The first failure ends it: what was done is durable, and the same upgrade again goes on from
 * there. After the commit nothing fails any more, because the machine starts the new version from then on; it warns.
 */
export async function runSteps(
  steps: readonly UpgradeStep[],
  next: NewVersion,
  ports: UpgradePorts,
): Promise<StepsResult> {
  const run: Run = { next, ports };
  const warnings: string[] = [];
  for (const group of groupSteps(steps)) {
    if (STEP_KINDS[group[0]?.kind ?? 'note'].menu) {
      await ports.withMenu(async (menu) => {
        for (const step of group) await runStep(step, run, menu);
      });
    } else {
      for (const step of group) {
        const isLate = STEP_KINDS[step.kind].afterCommit;
        await runStep(step, run).catch((error: unknown) => {
          if (!isLate) throw error;
          warnings.push(lateWarning(step, error));
        });
      }
    }
  }
  return { written: run.written, warnings };
}

/** Neighbours that need the ESP, together; all others alone. */
function groupSteps(steps: readonly UpgradeStep[]): UpgradeStep[][] {
  const groups: UpgradeStep[][] = [];
  for (const step of steps) {
    const last = groups.at(-1);
    const needsMenu = (one: UpgradeStep | undefined) => one !== undefined && STEP_KINDS[one.kind].menu;
    if (last !== undefined && needsMenu(last[0]) && needsMenu(step)) last.push(step);
    else groups.push([step]);
  }
  return groups;
}

async function runStep(step: UpgradeStep, run: Run, menu?: BootMenu): Promise<void> {
  const { ports, next } = run;
  const { title, afterCommit } = STEP_KINDS[step.kind];
  if (!afterCommit) ports.signal.throwIfAborted();
  // Writing tells by itself how far it is.
  if (step.kind !== 'write-root') ports.progress({ phase: title });
  ports.onStep?.(step);
  switch (step.kind) {
    case 'before-hooks':
      return ports.runHooks('before');
    case 'after-hooks':
      return ports.runHooks('after');
    case 'note': {
      const { imageId, name, version } = next;
      const { generation, slot, replaces } = step;
      const pending = { imageId, name, version, generation, slot, startedAt: ports.now() };
      await ports.changeRecord((record) => rememberPending(record, pending, replaces));
      return;
    }
    case 'remove-entry':
      return requireMenu(menu).remove(step.generation);
    case 'drop-ukis':
      await requireMenu(menu).dropUnusedUkis();
      return;
    case 'write-root':
      run.written = await ports.writeRoot(step.slot, ({ phase, ...bytes }) => {
        ports.progress({ phase: WRITE_PHASES[phase], ...bytes });
      });
      return;
    case 'verify':
      if (run.written?.rootHash === next.rootHash) return;
      throw new AgentError({
        code: 'ROOT_HASH_MISMATCH',
        message: 'What the disk gives back is not the root that was to be written.',
        hint: 'Try again; when it stays, the disk or the memory of the machine is failing.',
      });
    case 'name-slot':
      return ports.nameSlot(step.slot, next.rootHash);
    case 'put-uki':
      return requireMenu(menu).addUki(next.ukiDigest, () => ports.uki(), next.ukiBytes);
    case 'prepare-entry':
      run.prepared = await requireMenu(menu).prepare(step.entry);
      return;
    case 'commit':
      return commit(run);
    case 'remember':
      await ports.changeRecord((record) => rememberVersion(record, { ...step.version, at: ports.now() }));
  }
}

const WRITE_PHASES = {
  write: 'writing the root',
  verify: 'verifying the root',
  repair: 'writing damaged parts again',
} as const;

async function commit({ prepared }: Run): Promise<void> {
  if (prepared === undefined) throw new Error('a commit without an entry');
  await prepared.commit();
}

function requireMenu(menu: BootMenu | undefined): BootMenu {
  if (menu === undefined) throw new Error('a step that needs the boot menu runs without it');
  return menu;
}

function lateWarning(step: UpgradeStep, error: unknown): string {
  const why = error instanceof BowlineError || error instanceof Error ? error.message : String(error);
  return `The version is in place, but ${STEP_KINDS[step.kind].title} failed: ${why}`;
}
