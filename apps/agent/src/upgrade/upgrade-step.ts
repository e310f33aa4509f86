import type { EntryKey } from '@bowline/os-layout';
import type { MenuEntry } from '../boot-menu/boot-menu.ts';
import type { VersionRecord } from '../lifecycle-record/record.ts';
import type { SlotName } from '../slots/slots.ts';

/** One step of an upgrade, as data. Each is durable before the next begins. */
export type UpgradeStep =
  | { kind: 'before-hooks' }
  | { kind: 'note'; generation: EntryKey; slot: SlotName; replaces: readonly EntryKey[] }
  | { kind: 'remove-entry'; generation: EntryKey }
  | { kind: 'drop-ukis' }
  | { kind: 'write-root'; slot: SlotName }
  | { kind: 'verify'; slot: SlotName }
  | { kind: 'name-slot'; slot: SlotName }
  | { kind: 'put-uki' }
  | { kind: 'prepare-entry'; entry: MenuEntry }
  | { kind: 'commit'; entry: MenuEntry }
  | { kind: 'remember'; version: Omit<VersionRecord, 'at'> }
  | { kind: 'after-hooks' };

export type StepKind = UpgradeStep['kind'];

/** What is true of every step of a kind. */
export interface StepKindFacts {
  /** What people read while it runs. */
  title: string;
  /** The ESP is mounted for it. Neighbours that need it share one mount. */
  menu: boolean;
  /** Where it writes. */
  writes: 'nothing' | 'state' | 'esp' | 'slot' | 'table';
  /** It comes after the commit: the machine starts the new version whatever becomes of it, so a failure is a warning. */
  afterCommit: boolean;
}

/** The states of an upgrade, in their order. Tests make their rows from it. */
export const STEP_KINDS: Readonly<Record<StepKind, StepKindFacts>> = {
  'before-hooks': { title: 'running the hooks before the upgrade', menu: false, writes: 'nothing', afterCommit: false },
  note: { title: 'noting what is done', menu: false, writes: 'state', afterCommit: false },
  'remove-entry': { title: 'removing the entry of the slot', menu: true, writes: 'esp', afterCommit: false },
  'drop-ukis': { title: 'making room on the ESP', menu: true, writes: 'esp', afterCommit: false },
  'write-root': { title: 'writing the root', menu: false, writes: 'slot', afterCommit: false },
  verify: { title: 'verifying the root', menu: false, writes: 'nothing', afterCommit: false },
  'name-slot': { title: 'naming the slot', menu: false, writes: 'table', afterCommit: false },
  'put-uki': { title: 'writing the UKI', menu: true, writes: 'esp', afterCommit: false },
  'prepare-entry': { title: 'preparing the boot entry', menu: true, writes: 'esp', afterCommit: false },
  commit: { title: 'making it count', menu: true, writes: 'esp', afterCommit: false },
  remember: { title: 'noting the version', menu: false, writes: 'state', afterCommit: true },
  'after-hooks': { title: 'running the hooks after the upgrade', menu: false, writes: 'nothing', afterCommit: true },
};
