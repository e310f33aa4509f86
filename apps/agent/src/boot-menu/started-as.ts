import { readFile } from 'node:fs/promises';
import { BOOT_FILE, parseBootEntryName } from '@bowline/os-layout';
import { parseAssignments } from '../machine/assignments.ts';
import type { Machine } from '../machine/machine.ts';
import { findEntry, type MenuEntry, type StartedAs } from './boot-menu.ts';
import { EfiVariables, LOADER_GUID } from './efi-variables.ts';

/** What the initrd found out about how the machine was started; empty strings where it did not. */
export interface BootConf {
  /** `bowline-7`, without counter. */
  entry: string;
  firmware: 'uefi' | 'bios';
  mode: string;
  /** `/dev/vda1` */
  esp: string;
}

/** Reads what the initrd left, or asks the firmware where it left nothing. */
export async function readBootConf(machine: Machine): Promise<BootConf> {
  const said = parseAssignments(await readFile(machine.locate(BOOT_FILE), 'utf8').catch(() => ''));
  const variables = new EfiVariables(machine);
  const selected = said.get('ENTRY') || (await variables.readText('LoaderEntrySelected', LOADER_GUID)) || '';
  const isUefi = (await variables.names(LOADER_GUID)).length > 0;
  return {
    entry: selected.replace(/\.conf$/, '').replace(/\+.*$/, ''),
    firmware: said.get('FIRMWARE') === 'uefi' || (!said.has('FIRMWARE') && isUefi) ? 'uefi' : 'bios',
    mode: said.get('MODE') ?? '',
    esp: said.get('ESP') ?? '',
  };
}

/** Which of the entries was picked, and whether the recovery runs though another one was. */
export function startedAs(conf: BootConf, entries: readonly MenuEntry[]): StartedAs {
  const generation = parseBootEntryName(`${conf.entry}.conf`)?.generation;
  return {
    entry: generation === undefined ? undefined : findEntry(entries, generation),
    recoveryByFirmware: conf.firmware === 'uefi' && conf.mode === 'recovery' && generation !== 'recovery',
  };
}
