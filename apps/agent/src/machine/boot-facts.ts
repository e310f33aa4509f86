import { access, readFile } from 'node:fs/promises';
import { BLESSED_FILE, BOOT_FILE, TRIAL_FILE } from '@bowline/os-layout';
import { parseAssignments } from './assignments.ts';
import type { Machine } from './machine.ts';

const MODES = ['disk', 'live', 'netboot', 'recovery', 'reset'] as const;

/** How the machine was started, as the initrd found it. */
export interface BootFacts {
  /** `bowline-7`, without the counter; empty when nobody knows. */
  entry: string;
  /** Of {@link BootFacts.entry}; undefined when it names no version. */
  generation: number | undefined;
  firmware: 'uefi' | 'bios' | '';
  /** undefined on a machine whose initrd is none of ours, or older. */
  mode: (typeof MODES)[number] | undefined;
  /** One of the versions on the disk runs; a start that emptied the state first is one, too. */
  isInstalled: boolean;
  /** The version had yet to prove itself when it started. */
  startedOnTrial: boolean;
  /** It has proved itself since. */
  blessedSince: boolean;
}

/** Reads what the initrd left. Never fails: what is missing is empty. */
export async function readBootFacts(machine: Machine): Promise<BootFacts> {
  const text = await readFile(machine.locate(BOOT_FILE), 'utf8').catch(() => '');
  const facts = parseAssignments(text);
  const entry = facts.get('ENTRY') ?? '';
  const firmware = facts.get('FIRMWARE');
  const digits = /^bowline-([1-9][0-9]{0,14})$/.exec(entry)?.[1];
  const mode = MODES.find((one) => one === facts.get('MODE'));
  return {
    entry,
    generation: digits === undefined ? undefined : Number(digits),
    firmware: firmware === 'uefi' || firmware === 'bios' ? firmware : '',
    mode,
    isInstalled: mode === 'disk' || mode === 'reset',
    startedOnTrial: facts.get('TRIAL') === 'yes' || (await exists(machine, TRIAL_FILE)),
    blessedSince: await exists(machine, BLESSED_FILE),
  };
}

function exists(machine: Machine, path: string): Promise<boolean> {
  return access(machine.locate(path)).then(
    () => true,
    () => false,
  );
}
