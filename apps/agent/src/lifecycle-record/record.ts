import type { SlotName } from '../slots/slots.ts';

/** What became of a version. */
export type Verdict = 'trial' | 'blessed' | 'bad';

/** A version that was written to this machine. */
export interface VersionRecord {
  /** Number of its boot entry; that of the recovery system is `recovery`. */
  generation: number | 'recovery';
  name: string;
  version: string;
  /** `sha256:...` */
  imageId: string;
  /** `sha256:...` */
  ukiDigest: string;
  rootHash: string;
  slot: SlotName;
  verdict: Verdict;
  /** Why it is bad, in a sentence. */
  reason?: string;
  /** When the verdict came, ISO 8601. */
  at: string;
}

/** An image that must not be taken again without being forced. Generations come and go, an image stays what it is. */
export interface BadImage {
  imageId: string;
  name: string;
  version: string;
  reason: string;
  /** ISO 8601 */
  at: string;
}

/** An upgrade that has not been finished. */
export interface PendingUpgrade {
  imageId: string;
  name: string;
  version: string;
  generation: number | 'recovery';
  slot: SlotName;
  /** ISO 8601 */
  startedAt: string;
}

/** What this machine remembers of its versions. The boot entries on the ESP decide what starts; this says why. */
export interface LifecycleRecord {
  recordVersion: 1;
  /** By the time they were written, the newest last; the oldest are forgotten beyond {@link MAX_VERSIONS}. */
  versions: readonly VersionRecord[];
  /** By time, the newest last; at most {@link MAX_BAD_IMAGES}. */
  badImages: readonly BadImage[];
  pending?: PendingUpgrade;
}

/** How many versions and bad images are remembered. */
export const MAX_VERSIONS = 32;
export const MAX_BAD_IMAGES = 64;

/** A machine that remembers nothing. */
export const EMPTY_RECORD: LifecycleRecord = { recordVersion: 1, versions: [], badImages: [] };

/** Why an image is remembered as bad; undefined when it is not. */
export function findBadImage(record: LifecycleRecord, imageId: string): BadImage | undefined {
  return record.badImages.findLast((bad) => bad.imageId === imageId);
}

/** The version of a generation; undefined when it was written before there was a record, or was forgotten. */
export function findVersion(
  record: LifecycleRecord,
  generation: VersionRecord['generation'],
): VersionRecord | undefined {
  return record.versions.findLast((version) => version.generation === generation);
}

/** Adds a version that was written; what was known of this generation is replaced, and nothing is pending any more. */
export function rememberVersion(record: LifecycleRecord, version: VersionRecord): LifecycleRecord {
  const others = record.versions.filter(({ generation }) => generation !== version.generation);
  const { pending: _, ...rest } = record;
  return { ...rest, versions: [...others, version].slice(-MAX_VERSIONS) };
}

/**
 * Notes that an upgrade has begun, which takes the place of these generations. One of them that was never started is forgotten:
 * nobody should read that it starts next.
 */
export function rememberPending(
  record: LifecycleRecord,
  pending: PendingUpgrade,
  replaced: readonly VersionRecord['generation'][] = [],
): LifecycleRecord {
  const versions = record.versions.filter(({ generation, verdict }) => {
    return verdict !== 'trial' || !replaced.includes(generation);
  });
  return { ...record, versions, pending };
}

/** What is to be noted about a version. */
export interface VerdictNote {
  verdict: Verdict;
  /** Needed for `bad`. */
  reason?: string | undefined;
  /** ISO 8601 */
  at: string;
}

/**
 * Notes what became of a generation. `bad` remembers the image too; `blessed` forgets that the same image was bad once: it
 * was forced, and has proved itself. A generation without a record
 * changes nothing.
 */
export function judgeVersion(
  record: LifecycleRecord,
  generation: VersionRecord['generation'],
  note: VerdictNote,
): LifecycleRecord {
  const known = findVersion(record, generation);
  if (known === undefined) return record;
  const { reason: _, ...rest } = known;
  const judged: VersionRecord = {
    ...rest,
    verdict: note.verdict,
    at: note.at,
    ...(note.reason === undefined ? {} : { reason: note.reason }),
  };
  const versions = record.versions.map((version) => (version === known ? judged : version));
  const { imageId, name, version } = known;
  const changed = { ...record, versions };
  if (note.verdict === 'blessed') return forgetBadImage(changed, imageId);
  if (note.verdict !== 'bad') return changed;
  return rememberBadImage(changed, {
    imageId,
    name,
    version,
    reason: note.reason ?? 'No reason is known.',
    at: note.at,
  });
}

/** Remembers an image as bad. */
function rememberBadImage(record: LifecycleRecord, bad: BadImage): LifecycleRecord {
  const others = record.badImages.filter(({ imageId }) => imageId !== bad.imageId);
  return { ...record, badImages: [...others, bad].slice(-MAX_BAD_IMAGES) };
}

/** Forgets that an image was bad. */
export function forgetBadImage(record: LifecycleRecord, imageId: string): LifecycleRecord {
  return { ...record, badImages: record.badImages.filter((bad) => bad.imageId !== imageId) };
}
