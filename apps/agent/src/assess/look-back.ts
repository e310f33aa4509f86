import { readFile } from 'node:fs/promises';
import { writeFileAtomic } from '@bowline/host';
import { AGENT_STATE_FOLDER, bootEntryId, isBad } from '@bowline/os-layout';
import type { BootMenu, MenuEntry } from '../boot-menu/boot-menu.ts';
import {
  findVersion,
  judgeVersion,
  type LifecycleRecord,
  rememberVersion,
  type VersionRecord,
} from '../lifecycle-record/record.ts';
import type { Machine } from '../machine/machine.ts';
import type { EspReason } from './esp-reason.ts';

/** What is said of a version of which nothing is known but that it did not come back. */
const NO_WORD = 'it did not report: it panicked, hung, lost power or was reset';
const LAST_RUN_FILE = `${AGENT_STATE_FOLDER}/last-run.json`;

/** A version the boot loader gave up, of which the record does not know it yet. */
export interface GivenUp {
  entry: MenuEntry & { generation: number };
  /** Name and version, as far as they are known. */
  title: string;
  reason: string;
  /** This machine remembers it; false after its state was lost. */
  isKnown: boolean;
}

/** Versions that have no starts left and were not known to be bad. */
export async function findGivenUp(
  menu: BootMenu,
  running: MenuEntry | undefined,
  record: LifecycleRecord,
  espReason: EspReason | undefined,
): Promise<GivenUp[]> {
  return (await menu.list()).flatMap((entry) => {
    const { generation } = entry;
    if (generation === 'recovery' || !isBad(entry) || generation === running?.generation) return [];
    const known = findVersion(record, generation);
    if (known?.verdict === 'bad') return [];
    const told = espReason?.entry === bootEntryId(generation) ? espReason.sentence : undefined;
    return {
      entry: { ...entry, generation },
      title: known === undefined ? entry.title : `${known.name} ${known.version}`,
      reason: told ?? known?.reason ?? NO_WORD,
      isKnown: known !== undefined,
    };
  });
}

/** Remembers that a version is bad. One without a record gets one, so that it is told once. */
export function rememberGivenUp(
  record: LifecycleRecord,
  { entry, title, reason }: GivenUp,
  at: string,
): LifecycleRecord {
  if (findVersion(record, entry.generation) !== undefined) {
    return judgeVersion(record, entry.generation, { verdict: 'bad', reason, at });
  }
  const unknown = { version: '', imageId: '', rootHash: '', slot: 'b' } as const;
  const { generation, ukiDigest } = entry;
  return rememberVersion(record, { ...unknown, generation, ukiDigest, name: title, verdict: 'bad', reason, at });
}

/** Image of the version that ran last on this machine, before the one that runs now. */
export async function readLastRun(machine: Machine): Promise<string | undefined> {
  const text = await readFile(machine.locate(LAST_RUN_FILE), 'utf8').catch(() => '');
  return /"imageId": ?"(sha256:[0-9a-f]+)"/.exec(text)?.[1];
}

/** Notes which image runs now. */
export async function writeLastRun(machine: Machine, imageId: string): Promise<void> {
  if ((await readLastRun(machine)) === imageId) return;
  await writeFileAtomic(machine.locate(LAST_RUN_FILE), `${JSON.stringify({ imageId })}\n`, 0o600);
}

/** True when the image that runs came to this machine before the one that ran last: somebody went back by hand. */
export function isOlder(
  record: LifecycleRecord,
  running: VersionRecord | undefined,
  lastRun: string | undefined,
): boolean {
  if (running === undefined || lastRun === undefined || running.imageId === lastRun) return false;
  const [mine, theirs] = [firstGeneration(record, running.imageId), firstGeneration(record, lastRun)];
  return mine !== undefined && theirs !== undefined && mine < theirs;
}

function firstGeneration(record: LifecycleRecord, imageId: string): number | undefined {
  const own = record.versions.flatMap(({ generation, ...version }) =>
    version.imageId === imageId && generation !== 'recovery' ? [generation] : [],
  );
  return own.length === 0 ? undefined : Math.min(...own);
}
