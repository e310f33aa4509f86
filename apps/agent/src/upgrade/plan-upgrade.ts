import { BOOT_TRIES, isBad, orderOfStart, UKI_PROFILE } from '@bowline/os-layout';
import type { MenuEntry } from '../boot-menu/boot-menu.ts';
import type { VersionRecord } from '../lifecycle-record/record.ts';
import type { SlotName } from '../slots/slots.ts';
import { checkUpgrade, type Refusal, STATE_BYTES } from './check-upgrade.ts';
import { chooseSlot, keptSlots, slotOfEntry } from './choose-slot.ts';
import type { EntryFact, UpgradeFacts, UpgradeWish } from './upgrade-facts.ts';
import type { UpgradeStep } from './upgrade-step.ts';

/** What an upgrade does, or why it does nothing. */
export type UpgradePlan =
  /** There is nothing to write. `steps` complete what an interrupted run left undone. */
  | { kind: 'nothing'; reason: 'runs' | 'written'; steps: readonly UpgradeStep[] }
  | { kind: 'refused'; refusals: readonly Refusal[] }
  | {
      kind: 'write';
      slot: SlotName;
      /** The root lies in the slot already. */
      reuses: boolean;
      entry: MenuEntry;
      steps: readonly UpgradeStep[];
    };

/**
 * The steps of an upgrade, from facts alone. Every step is durable before the next: first nothing names the slot any more,
 * then its bytes, then its name in the table, then the UKI, and the boot entry last, by which the version begins to count.
 */
export function planUpgrade(facts: UpgradeFacts, wish: UpgradeWish): UpgradePlan {
  const there = findWritten(facts, wish);
  if (there !== undefined) {
    const isRunning = runsAlready(facts, wish);
    return {
      kind: 'nothing',
      reason: isRunning ? 'runs' : 'written',
      steps: isRunning ? [] : [rememberStep(facts, there.slot, there.entry)],
    };
  }
  if (runsAlready(facts, wish)) {
    return { kind: 'nothing', reason: 'runs', steps: [] };
  }
  const choice = chooseSlot(facts, wish);
  const removed = choice.kind === 'none' ? [] : entriesToRemove(facts, choice.slot, wish);
  const refusals = checkUpgrade(facts, wish, choice, freedBytes(facts, removed));
  if (refusals.length > 0 || choice.kind === 'none') return { kind: 'refused', refusals };
  const entry = entryOf(facts, wish);
  const { slot } = choice;
  const replaces = removed.map(({ generation }) => generation);
  const writes: UpgradeStep[] =
    choice.kind === 'reuse'
      ? []
      : [
          { kind: 'write-root', slot },
          { kind: 'verify', slot },
        ];
  const steps: UpgradeStep[] = [
    { kind: 'before-hooks' },
    // Forced although state is full: what cannot be noted must not keep out the version that cures it.
    ...(facts.stateFreeBytes < STATE_BYTES
      ? []
      : [{ kind: 'note', generation: entry.generation, slot, replaces } as const]),
    ...replaces.map((generation) => ({ kind: 'remove-entry', generation }) as const),
    { kind: 'drop-ukis' },
    ...writes,
    { kind: 'name-slot', slot },
    { kind: 'put-uki' },
    { kind: 'prepare-entry', entry },
    { kind: 'commit', entry },
    rememberStep(facts, slot, entry),
    { kind: 'after-hooks' },
  ];
  return { kind: 'write', slot, reuses: choice.kind === 'reuse', entry, steps };
}

/** The same image in the recovery slot does not count: from there a version is written to make the machine whole again. */
function runsAlready({ running, next }: UpgradeFacts, wish: UpgradeWish): boolean {
  return !wish.recovery && running.slot !== 'recovery' && running.imageId !== '' && running.imageId === next.imageId;
}

/** The entry that is there already and would start the new version next (or is its recovery). */
function findWritten(facts: UpgradeFacts, wish: UpgradeWish): { entry: EntryFact; slot: SlotName } | undefined {
  const entry = wish.recovery
    ? facts.entries.find(({ generation }) => generation === 'recovery')
    : orderOfStart(facts.entries)[0];
  if (entry?.ukiDigest !== facts.next.ukiDigest || entry.rootHash !== facts.next.rootHash || isBad(entry))
    return undefined;
  const slot = slotOfEntry(entry, facts.slots);
  return slot?.holdsNew === true ? { entry, slot: slot.name } : undefined;
}

/**
 * Entries that start from the slot, or name roots that are in no slot any more: they could only fail. When the slot is one
 * that is kept (its root is used again by the new version), all its entries stay.
 */
function entriesToRemove(facts: UpgradeFacts, slot: SlotName, wish: UpgradeWish): EntryFact[] {
  if (keptSlots(facts).includes(slot)) return [];
  return facts.entries.filter((entry) => {
    if ((entry.generation === 'recovery') !== wish.recovery) return false;
    const found = slotOfEntry(entry, facts.slots);
    return found?.name === slot || (found === undefined && entry.rootHash !== undefined);
  });
}

function freedBytes(facts: UpgradeFacts, removed: readonly EntryFact[]): number {
  const kept = new Set(facts.entries.filter((entry) => !removed.includes(entry)).map(({ ukiDigest }) => ukiDigest));
  const gone = new Map(removed.map(({ ukiDigest, ukiBytes }) => [ukiDigest, ukiBytes]));
  return [...gone].reduce((sum, [digest, bytes]) => sum + (kept.has(digest) ? 0 : bytes), 0);
}

function entryOf({ next, entries, lastGeneration }: UpgradeFacts, wish: UpgradeWish): MenuEntry {
  const { name, version, ukiDigest } = next;
  if (wish.recovery) {
    const title = `Recovery (${name} ${version})`;
    return { generation: 'recovery', title, ukiDigest, profile: UKI_PROFILE.recovery, tries: 'good' };
  }
  const last = entries.map(({ generation }) => (generation === 'recovery' ? 0 : generation));
  const generation = Math.max(lastGeneration, 0, ...last) + 1;
  return { generation, title: `${name} ${version}`, ukiDigest, tries: { left: BOOT_TRIES, done: 0 } };
}

function rememberStep({ next }: UpgradeFacts, slot: SlotName, { generation, tries }: MenuEntry): UpgradeStep {
  const verdict: VersionRecord['verdict'] = tries === 'good' ? 'blessed' : 'trial';
  const { name, version, imageId, ukiDigest, rootHash } = next;
  return { kind: 'remember', version: { generation, name, version, imageId, ukiDigest, rootHash, slot, verdict } };
}
