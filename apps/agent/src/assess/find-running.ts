import type { BootMenu, MenuEntry } from '../boot-menu/boot-menu.ts';
import { findVersion, judgeVersion, type LifecycleRecord, type VersionRecord } from '../lifecycle-record/record.ts';
import { changeLifecycleRecord, readLifecycleRecord } from '../lifecycle-record/record-file.ts';
import type { BootFacts } from '../machine/boot-facts.ts';
import type { Machine } from '../machine/machine.ts';
import { type AssessOptions, complain, tell } from './assess-options.ts';
import { readEspReason } from './esp-reason.ts';
import { findGivenUp, isOlder, readLastRun, rememberGivenUp } from './look-back.ts';
import { describeRunningVersion, withRunning } from './running-version.ts';

/** What is known of the running version before it is looked at. */
export interface Running {
  facts: BootFacts;
  /** undefined: the boot menu could not be read, or does not know. */
  entry: MenuEntry | undefined;
  onTrial: boolean;
  version: VersionRecord | undefined;
  /** A newer version ran before. */
  wentBack: boolean;
}

/** Finds out what runs, and on the way what does not run any more. What is worth telling is added to `notes`. Never throws. */
export async function findRunning(
  machine: Machine,
  facts: BootFacts,
  options: AssessOptions,
  notes: string[],
): Promise<Running> {
  const unknown = { facts, entry: undefined, version: undefined, wentBack: false };
  if (!facts.isInstalled) return { ...unknown, onTrial: false };
  const byInitrd = facts.startedOnTrial && !facts.blessedSince;
  try {
    return await options.withMenu(machine, async (menu) => {
      const { entry } = await menu.started();
      const version = await knowRunning(machine, entry);
      const onTrial = entry === undefined ? byInitrd : entry.tries !== 'good';
      const wentBack = !options.dryRun && (await lookBack(machine, menu, { entry, version }, options, notes));
      return { facts, entry, onTrial, version, wentBack };
    });
  } catch (error) {
    complain(options, error);
    notes.push(`the boot menu cannot be read: ${error instanceof Error ? error.message : ''}`);
    return { ...unknown, onTrial: byInitrd };
  }
}

/** What the record says of the running version counts; that of a disk as shipped is found out. */
async function knowRunning(machine: Machine, entry: MenuEntry | undefined): Promise<VersionRecord | undefined> {
  if (entry === undefined) return undefined;
  const { record } = await readLifecycleRecord(machine);
  return findVersion(record, entry.generation) ?? (await describeRunningVersion(machine, entry));
}

/** Notes versions that were given up. True when the machine went back, by itself or by hand. */
async function lookBack(
  machine: Machine,
  menu: BootMenu,
  { entry, version }: Pick<Running, 'entry' | 'version'>,
  options: AssessOptions,
  notes: string[],
): Promise<boolean> {
  const { record: before, trouble } = await readLifecycleRecord(machine);
  if (trouble !== undefined) complain(options, trouble);
  const givenUp = await findGivenUp(menu, entry, before, await readEspReason(machine));
  const at = machine.clock.now().toISOString();
  const change = (old: LifecycleRecord) =>
    givenUp.reduce((known, one) => rememberGivenUp(known, one, at), withProof(withRunning(old, version), entry, at));
  const record = await changeLifecycleRecord(machine, change).catch((error: unknown) => {
    complain(options, error);
    return change(before);
  });
  for (const { title, reason } of givenUp) {
    notes.push(`${title} was given up: ${reason}`);
    await tell(machine, `${title} was given up: ${reason}`, options, true);
  }
  return givenUp.some(({ isKnown }) => isKnown) || isOlder(record, version, await readLastRun(machine));
}

/** Power may have failed between the boot menu, which decides, and the record. */
function withProof(record: LifecycleRecord, entry: MenuEntry | undefined, at: string): LifecycleRecord {
  if (entry?.tries !== 'good' || findVersion(record, entry.generation)?.verdict === 'blessed') return record;
  return judgeVersion(record, entry.generation, { verdict: 'blessed', at });
}
