import {
  type BadImage,
  EMPTY_RECORD,
  type LifecycleRecord,
  MAX_BAD_IMAGES,
  MAX_VERSIONS,
  type PendingUpgrade,
  type VersionRecord,
} from './record.ts';

type Fields = Readonly<Record<string, unknown>>;

/**
 * Reads the text of a record by hand, because the commands that need it start in 60 ms. Throws an Error with what is wrong;
 * one entry that is wrong makes all of it wrong, because somebody has been at the file. Keys it does not know are left out.
 */
export function parseRecord(text: string): LifecycleRecord {
  const document: unknown = JSON.parse(text);
  if (!isFields(document)) throw new Error('it is no JSON object');
  if (document['recordVersion'] !== 1) throw new Error(`its version is ${JSON.stringify(document['recordVersion'])}`);
  return {
    ...EMPTY_RECORD,
    versions: list(document, 'versions').map(readVersion).slice(-MAX_VERSIONS),
    badImages: list(document, 'badImages').map(readBadImage).slice(-MAX_BAD_IMAGES),
    ...(document['pending'] === undefined ? {} : { pending: readPending(document['pending']) }),
  };
}

function readVersion(value: unknown): VersionRecord {
  const fields = requireFields(value, 'versions');
  const reason = fields['reason'];
  return {
    generation: generationOf(fields),
    ...imageOf(fields),
    ukiDigest: string(fields, 'ukiDigest'),
    rootHash: string(fields, 'rootHash'),
    slot: oneOf(fields, 'slot', ['a', 'b', 'recovery']),
    verdict: oneOf(fields, 'verdict', ['trial', 'blessed', 'bad']),
    ...(typeof reason === 'string' ? { reason } : {}),
    at: string(fields, 'at'),
  };
}

function readBadImage(value: unknown): BadImage {
  const fields = requireFields(value, 'badImages');
  return { ...imageOf(fields), reason: string(fields, 'reason'), at: string(fields, 'at') };
}

function readPending(value: unknown): PendingUpgrade {
  const fields = requireFields(value, 'pending');
  return {
    ...imageOf(fields),
    generation: generationOf(fields),
    slot: oneOf(fields, 'slot', ['a', 'b', 'recovery']),
    startedAt: string(fields, 'startedAt'),
  };
}

function imageOf(fields: Fields): { imageId: string; name: string; version: string } {
  return { imageId: string(fields, 'imageId'), name: string(fields, 'name'), version: string(fields, 'version') };
}

function generationOf(fields: Fields): number | 'recovery' {
  const value = fields['generation'];
  if (value === 'recovery' || (typeof value === 'number' && Number.isSafeInteger(value) && value > 0)) return value;
  throw new Error('generation is no number');
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function requireFields(value: unknown, where: string): Fields {
  if (isFields(value)) return value;
  throw new Error(`${where} holds something else than objects`);
}

function list(fields: Fields, key: string): readonly unknown[] {
  const value = fields[key] ?? [];
  if (Array.isArray(value)) return value;
  throw new Error(`${key} is no list`);
}

function string(fields: Fields, key: string): string {
  const value = fields[key];
  if (typeof value === 'string') return value;
  throw new Error(`${key} is no text`);
}

function oneOf<T extends string>(fields: Fields, key: string, allowed: readonly T[]): T {
  const found = allowed.find((one) => one === fields[key]);
  if (found !== undefined) return found;
  throw new Error(`${key} is none of ${allowed.join(', ')}`);
}
