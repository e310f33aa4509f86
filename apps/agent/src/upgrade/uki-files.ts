import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { FormatsError, parseUki, readUkiText } from '@bowline/formats';
import { ESP_FOLDER, ukiPath } from '@bowline/os-layout';
import type { LifecycleRecord } from '../lifecycle-record/record.ts';
import type { Machine } from '../machine/machine.ts';

/** What the UKIs of the ESP say, while the boot menu is open. */
export interface UkiFiles {
  /** 0 when it is not there. */
  sizeBytes(digest: string): Promise<number>;
  /** `roothash=` of its command line; undefined when it cannot be read, or names none. */
  rootHash(digest: string): Promise<string | undefined>;
}

const MAX_UKI_BYTES = 2 ** 29;

/**
 * UKIs on the mounted ESP. What the record knows of a digest is believed, because a digest stands for the same bytes for ever;
 * otherwise the UKI itself is read.
 */
export function ukiFilesOf(machine: Machine, record: LifecycleRecord): UkiFiles {
  const pathOf = (digest: string) => join(machine.locate(ESP_FOLDER), ukiPath(digest));
  const sizeBytes = (digest: string) =>
    stat(pathOf(digest)).then(
      ({ size }) => size,
      () => 0,
    );
  return {
    sizeBytes,
    rootHash: async (digest) => {
      const known = record.versions.findLast(({ ukiDigest }) => ukiDigest === digest)?.rootHash;
      if (known !== undefined) return known;
      if ((await sizeBytes(digest)) > MAX_UKI_BYTES) return undefined;
      const bytes = await readFile(pathOf(digest)).catch(() => undefined);
      return bytes === undefined ? undefined : rootHashOfUki(bytes);
    },
  };
}

/** `roothash=` of the command line of a UKI; undefined for what is none, or has none. */
export function rootHashOfUki(bytes: Uint8Array): string | undefined {
  try {
    const { base, profiles } = parseUki(bytes);
    const words = [base, ...profiles].map((sections) => readUkiText(bytes, sections, '.cmdline') ?? '');
    return words
      .map((text) => /(?:^|\s)roothash=([0-9a-f]{64})(?:\s|$)/.exec(text)?.[1])
      .find((hash) => hash !== undefined);
  } catch (error) {
    if (error instanceof FormatsError) return undefined;
    throw error;
  }
}
