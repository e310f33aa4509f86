import type { BootMenu } from '../boot-menu/boot-menu.ts';
import type { LifecycleRecord } from '../lifecycle-record/record.ts';
import type { WriteRootProgress, WrittenRoot } from '../release/contract.ts';
import type { SlotName } from '../slots/slots.ts';
import type { UpgradeStep } from './upgrade-step.ts';

/** How far an upgrade is. */
export interface UpgradeProgress {
  /** In words. */
  phase: string;
  doneBytes?: number;
  totalBytes?: number;
  fetchedBytes?: number;
}

/** What the steps act on: the machine, or what stands for it in tests. */
export interface UpgradePorts {
  withMenu<T>(work: (menu: BootMenu) => Promise<T>): Promise<T>;
  /** Writes root and verity tree, durable, and computes the root hash from disk. */
  writeRoot(slot: SlotName, progress: (event: WriteRootProgress) => void): Promise<WrittenRoot>;
  nameSlot(slot: SlotName, rootHash: string): Promise<void>;
  /** Bytes of the new version's UKI. */
  uki(): AsyncIterable<Uint8Array>;
  changeRecord(change: (record: LifecycleRecord) => LifecycleRecord): Promise<unknown>;
  runHooks(when: 'before' | 'after'): Promise<void>;
  /** ISO 8601 */
  now(): string;
  signal: AbortSignal;
  progress(event: UpgradeProgress): void;
  /** Told of each step before it begins. */
  onStep?(step: UpgradeStep): void;
}
