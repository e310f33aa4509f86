import { mkdir, open, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { ESP_FILES, ESP_FOLDER, ESP_RECORD_BYTES } from '@bowline/os-layout';
import type { Machine } from '../machine/machine.ts';

/** Why a version did not start, as the version itself or the initrd left it on the ESP. */
export interface EspReason {
  /** `bowline-7` */
  entry: string;
  sentence: string;
}

const FILE = `${ESP_FOLDER}/${ESP_FILES.reason}`;

/** Reads the reason; undefined when there is none. The ESP must be mounted: see `withBootMenu`. */
export async function readEspReason(machine: Machine): Promise<EspReason | undefined> {
  const bytes = await readFile(machine.locate(FILE)).catch(() => undefined);
  const text = bytes?.subarray(0, ESP_RECORD_BYTES).toString('latin1') ?? '';
  const [, entry, sentence] = /^(bowline-[a-z0-9]{1,20}) ([\x20-\x7e]+)/.exec(text) ?? [];
  if (entry === undefined || sentence === undefined) return undefined;
  return { entry, sentence: sentence.trim() };
}

/** Writes the reason where the next version finds it: in place, one sector, so that no table of the file system changes. */
export async function writeEspReason(machine: Machine, { entry, sentence }: EspReason): Promise<void> {
  const path = machine.locate(FILE);
  const text = `${entry} ${sentence}`.replaceAll(/[^\x20-\x7e]/g, '?').slice(0, ESP_RECORD_BYTES - 1);
  await mkdir(dirname(path), { recursive: true });
  const file = await open(path, 'r+').catch(() => open(path, 'w'));
  try {
    await file.write(`${text.padEnd(ESP_RECORD_BYTES - 1)}\n`, 0, 'latin1');
    await file.sync();
  } finally {
    await file.close();
  }
}
