import { formatJsonDocument, type JsonDocumentKind, parseJsonDocument } from '../json-document.ts';
import { BowlLock } from './schema.ts';

const LOCK: JsonDocumentKind<BowlLock> = {
  schema: BowlLock,
  code: 'LOCK_INVALID',
  noun: 'lock',
  version: { key: 'lockVersion', current: 1 },
  maxBytes: 64 * 2 ** 20,
  hint: 'Restore it from version control, or delete it and build again: everything is then resolved anew.',
};

/** Reads `bowl.lock`; `path` is for messages. Throws SpecError LOCK_INVALID. */
export function parseLock(text: string, path: string): BowlLock {
  return parseJsonDocument(LOCK, text, path);
}

/** Writes `bowl.lock`: sorted keys, two blanks, a line break at the end. */
export function formatLock(lock: BowlLock): string {
  return formatJsonDocument(lock);
}
