import type { MenuEntry } from '../boot-menu/boot-menu.ts';
import type { BadImage } from '../lifecycle-record/record.ts';
import type { SlotName } from '../slots/slots.ts';

/** What is to be written. */
export interface NewVersion {
  name: string;
  version: string;
  /** `sha256:...` */
  imageId: string;
  arch: string;
  debug: boolean;
  layoutVersion: number;
  rootHash: string;
  rootBytes: number;
  /** Superblock and tree of verity. */
  hashBytes: number;
  ukiDigest: string;
  ukiBytes: number;
}

/** An entry of the boot menu, and what its UKI needs. */
export interface EntryFact extends MenuEntry {
  /** Of its UKI's command line; undefined when the UKI cannot be read. */
  rootHash: string | undefined;
  ukiBytes: number;
}

/** A slot and what its GUIDs say. */
export interface SlotFact {
  name: SlotName;
  rootHash: string | undefined;
  dataBytes: number;
  hashBytes: number;
  /** The root of the new version lies in it already, and every block of it was checked. */
  holdsNew: boolean;
}

/** All that decides whether and how a version is written. */
export interface UpgradeFacts {
  next: NewVersion;
  /** What runs; empty where it is not known. */
  running: { name: string; version: string; imageId: string; debug: boolean; slot: SlotName | undefined };
  /** The running version has yet to prove itself. */
  trial: boolean;
  arch: string;
  /** The newest layout this agent knows. */
  layoutVersion: number;
  slots: readonly SlotFact[];
  /** In the order in which the machine would start them. */
  entries: readonly EntryFact[];
  /** The highest generation this machine ever gave, of which there may be no entry any more. */
  lastGeneration: number;
  bad: BadImage | undefined;
  espFreeBytes: number;
  stateFreeBytes: number;
}

/** What somebody asked for. */
export interface UpgradeWish {
  /** Write the recovery system instead of a version. */
  recovery: boolean;
  force: boolean;
  allowDowngrade: boolean;
}
