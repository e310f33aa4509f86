import * as z from 'zod';
import { Arch } from '../bowl/values.ts';
import { Sha256 } from '../digest.ts';

/** One layer of a source: an uncompressed tar by its digest (diff ID), and the blob it came in. */
export const LockedLayer = z.strictObject({
  diffId: Sha256,
  /** Bytes of the uncompressed tar. */
  size: z.int().min(0),
  /** The compressed blob as the registry serves it, where there is one. */
  blob: z.strictObject({ digest: Sha256, size: z.int().min(0), mediaType: z.string() }).optional(),
});
export type LockedLayer = z.infer<typeof LockedLayer>;

/** A resolved input: what the bowl wrote, what it turned out to be. */
export const LockedSource = z.strictObject({
  kind: z.enum(['image', 'dockerfile', 'debian', 'rootfs', 'packages', 'kernel', 'firmware']),
  /** Canonical JSON of what the bowl asked for, hashed: a change of the wish makes the pin stale. */
  request: Sha256,
  /** Human-readable origin for messages, such as `debian trixie` or `vendor/base:4.2`. */
  origin: z.string(),
  /** Digest of the image manifest (per architecture), where there is one. */
  manifest: Sha256.optional(),
  layers: z.array(LockedLayer),
  /** Package name to version, where a package manager ran. */
  packages: z.record(z.string(), z.string()).optional(),
});
export type LockedSource = z.infer<typeof LockedSource>;

export const LockedArch = z.strictObject({
  base: LockedSource,
  packages: LockedSource.optional(),
  kernel: LockedSource.optional(),
  firmware: z.array(LockedSource),
  /** Bowline's own parts that go into the image: name to digest. */
  bowline: z.record(z.string(), Sha256),
  /** Size of a root slot in bytes, pinned at the first build; it can never change on machines in the field. */
  slotBytes: z.int().min(1).optional(),
});
export type LockedArch = z.infer<typeof LockedArch>;

/** `bowl.lock`: every input pinned. */
export const BowlLock = z.strictObject({
  lockVersion: z.literal(1),
  /** Digests of the files beside the bowl that it uses, by their path as written. */
  files: z.record(z.string(), Sha256),
  arch: z.partialRecord(Arch, LockedArch),
});
export type BowlLock = z.infer<typeof BowlLock>;
