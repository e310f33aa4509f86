import type { SlotName } from '../slots/slots.ts';
import type { EntryFact, SlotFact, UpgradeFacts, UpgradeWish } from './upgrade-facts.ts';

/** Where the new version goes. */
export type SlotChoice =
  /** Its root lies there already: nothing of the disk is written but, where it is not named so yet, the table. */
  | { kind: 'reuse'; slot: SlotName }
  | { kind: 'write'; slot: SlotName }
  /** No slot may be written; both hold what must be kept. */
  | { kind: 'none'; kept: readonly SlotName[] };

type Known = Pick<UpgradeFacts, 'entries' | 'slots' | 'running'>;

/** Slot of the newest version that has proved itself and is still there. */
function newestBlessed({ entries, slots }: Known): SlotName | undefined {
  return entries
    .filter(({ generation, tries }) => generation !== 'recovery' && tries === 'good')
    .toSorted((a, b) => Number(b.generation) - Number(a.generation))
    .flatMap((entry) => slotOfEntry(entry, slots)?.name ?? [])[0];
}

/** The slot an entry starts from; undefined when no slot holds its root. */
export function slotOfEntry(entry: EntryFact, slots: readonly SlotFact[]): SlotFact | undefined {
  if (entry.rootHash === undefined) return undefined;
  return slots.find(
    ({ name, rootHash }) => rootHash === entry.rootHash && (name === 'recovery') === (entry.generation === 'recovery'),
  );
}

/**
 * Chooses the slot. Never the one that runs, never the one of the newest version that has proved itself: so a second bad
 * version in a row takes the place of the first, and the last good one stays. Of two that may be written, the one without
 * entries is taken, else the one whose entries are older.
 */
export function chooseSlot(facts: UpgradeFacts, wish: Pick<UpgradeWish, 'recovery'>): SlotChoice {
  const versions = facts.slots.filter(({ name }) => (name === 'recovery') === wish.recovery);
  const held = versions.find(({ holdsNew }) => holdsNew);
  if (held !== undefined) return { kind: 'reuse', slot: held.name };
  const kept = keptSlots(facts);
  const free = versions
    .filter(({ name }) => !kept.includes(name))
    .toSorted((a, b) => newestGeneration(facts, a) - newestGeneration(facts, b));
  const [slot] = free;
  return slot === undefined ? { kind: 'none', kept } : { kind: 'write', slot: slot.name };
}

/** Slots that must not be written: what runs, and the last version that is known to be good. */
export function keptSlots(facts: Known): SlotName[] {
  const kept = [facts.running.slot, newestBlessed(facts)].filter((name) => name !== undefined);
  return [...new Set(kept)];
}

function newestGeneration(facts: UpgradeFacts, slot: SlotFact): number {
  const generations = facts.entries
    .filter((entry) => slotOfEntry(entry, facts.slots) === slot)
    .map(({ generation }) => Number(generation));
  return Math.max(0, ...generations);
}
