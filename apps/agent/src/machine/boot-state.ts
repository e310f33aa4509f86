import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readLifecycleRecord } from '../lifecycle-record/record-file.ts';
import { type BootFacts, readBootFacts } from './boot-facts.ts';
import type { Machine } from './machine.ts';

/**
 * How the machine was started, by Kairos's names. `passive_boot`: a newer version was given up, or is left out for this start.
 * `autoreset_boot`: what the machine kept was emptied first.
 */
export type BootState =
  | 'active_boot'
  | 'passive_boot'
  | 'recovery_boot'
  | 'livecd_boot'
  | 'autoreset_boot'
  | 'unknown_boot';

/** Empty files in this folder tell configurations of Kairos the same: `[ -e /run/cos/live_mode ]`. */
const SENTINEL_FOLDER = '/run/cos';
const SENTINELS: Partial<Record<BootState, string>> = {
  active_boot: 'active_mode',
  passive_boot: 'passive_mode',
  recovery_boot: 'recovery_mode',
  livecd_boot: 'live_mode',
  autoreset_boot: 'autoreset_mode',
};
const MODES = {
  live: 'livecd_boot',
  netboot: 'livecd_boot',
  recovery: 'recovery_boot',
  reset: 'autoreset_boot',
} as const satisfies Partial<Record<NonNullable<BootFacts['mode']>, BootState>>;

/** What the initrd and the record say; undefined when the initrd left nothing. Never fails. */
export async function readBootState(machine: Machine): Promise<BootState | undefined> {
  const { mode, generation } = await readBootFacts(machine);
  if (mode === undefined) return undefined;
  if (mode !== 'disk') return MODES[mode];
  const { versions } = (await readLifecycleRecord(machine)).record;
  const isLeftOut = versions.some(
    (version) => Number(version.generation) > (generation ?? Number.POSITIVE_INFINITY) && version.verdict !== 'trial',
  );
  return isLeftOut ? 'passive_boot' : 'active_boot';
}

/** Leaves the file that stands for the boot state; none where it is not known. */
export async function writeBootSentinel(machine: Machine): Promise<void> {
  const state = await readBootState(machine);
  const name = state === undefined ? undefined : SENTINELS[state];
  if (name === undefined) return;
  const folder = machine.locate(SENTINEL_FOLDER);
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, name), '');
}
