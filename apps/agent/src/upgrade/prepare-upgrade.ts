import type { LifecycleDocument } from '@bowline/spec';
import type { BootMenu } from '../boot-menu/boot-menu.ts';
import { readLifecycleRecord } from '../lifecycle-record/record-file.ts';
import type { Machine } from '../machine/machine.ts';
import type { Release } from '../release/contract.ts';
import type { SystemDisk } from '../slots/slots.ts';
import { gatherFacts, newVersionOf } from './gather-facts.ts';
import { planUpgrade, type UpgradePlan } from './plan-upgrade.ts';
import { ukiFilesOf } from './uki-files.ts';
import type { UpgradeFacts, UpgradeWish } from './upgrade-facts.ts';
import { rootHashOfSlot } from './verify-slot.ts';

/** Everything an upgrade is decided by, before anything is written. */
export interface PreparedUpgrade {
  release: Release;
  disk: SystemDisk;
  lifecycle: LifecycleDocument;
  facts: UpgradeFacts;
  plan: UpgradePlan;
  /** Sentences. */
  warnings: string[];
}

/** What an upgrade is prepared from. */
export interface UpgradeSources {
  release: Release;
  disk: SystemDisk;
  lifecycle: LifecycleDocument;
  wish: UpgradeWish;
  withMenu<T>(work: (menu: BootMenu) => Promise<T>): Promise<T>;
}

/** Looks at machine, disk and release, and plans. Writes nothing. */
export async function prepareUpgrade(machine: Machine, sources: UpgradeSources): Promise<PreparedUpgrade> {
  const { release, disk, lifecycle, wish } = sources;
  const { record, trouble } = await readLifecycleRecord(machine);
  const facts = await sources.withMenu((menu) =>
    gatherFacts(machine, {
      disk,
      record,
      next: newVersionOf(release.document),
      menu,
      ukis: ukiFilesOf(machine, record),
      rootHashOf: (slot) => rootHashOfSlot(slot, machine.signal),
    }),
  );
  const allowDowngrade = wish.allowDowngrade || lifecycle.allowDowngrade;
  const plan = planUpgrade(facts, { ...wish, allowDowngrade });
  const warnings = [...release.warnings, ...(trouble === undefined ? [] : [trouble.message])];
  return { release, disk, lifecycle, facts, plan, warnings };
}
