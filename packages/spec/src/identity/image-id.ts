import * as z from 'zod';
import { Bowl } from '../bowl/schema.ts';
import { type Sha256, sha256Text } from '../digest.ts';
import type { BowlLock, LockedArch, LockedSource } from '../lock/schema.ts';
import { relativeOf, walkFields } from '../schema/describe.ts';
import { canonicalJson } from './canonical-json.ts';

/** Raised when the identity of an unchanged bowl changes on purpose. */
const IDENTITY_VERSION = 1;

/** What an image is made from. */
export interface ImageIdentity {
  bowl: Bowl;
  lock: BowlLock;
  /** A debug image has another identity. */
  debug: boolean;
  /** Fingerprints of the signing certificates; empty for an unsigned image. Their order does not matter. */
  signing: readonly string[];
}

/** A bowl without what does not reach the image: `outputs`, `description`, and `extends`, which the loader has merged. */
export type CanonicalBowl = Omit<Bowl, 'outputs' | 'description' | 'extends'>;

/** The part of a bowl that is its identity; architectures in order. */
export function canonicalBowl(bowl: Bowl): CanonicalBowl {
  const { outputs: _outputs, description: _description, extends: _extends, ...rest } = bowl;
  return { ...rest, arch: rest.arch.toSorted() };
}

/**
 * Image ID: sha256 over canonical bowl and lock. A file beside the bowl counts by its content where the lock knows its digest,
 * so the same bowl in another folder has the same ID; `request` and `origin` of the lock repeat the bowl and do not count.
 */
export async function imageId(identity: ImageIdentity): Promise<Sha256> {
  const { files } = identity.lock;
  const arch = Object.fromEntries(
    Object.entries(identity.lock.arch).map(([name, locked]) => [name, locked && lockedIdentity(locked)]),
  );
  const value = {
    identityVersion: IDENTITY_VERSION,
    bowl: pathsToDigests(canonicalBowl(identity.bowl), files),
    lock: { lockVersion: identity.lock.lockVersion, files: [...new Set(Object.values(files))].sort(), arch },
    debug: identity.debug,
    signing: [...new Set(identity.signing)].sort(),
  };
  return sha256Text(canonicalJson(value));
}

function lockedIdentity(locked: LockedArch) {
  const { base, packages, kernel, firmware, ...rest } = locked;
  return {
    ...rest,
    base: sourceIdentity(base),
    packages: packages && sourceIdentity(packages),
    kernel: kernel && sourceIdentity(kernel),
    firmware: firmware.map(sourceIdentity),
  };
}

function sourceIdentity(source: LockedSource) {
  const { request: _request, origin: _origin, ...rest } = source;
  return rest;
}

/** Replaces each relative path that `files` knows by a map with its digest: no text of a bowl can look the same. */
function pathsToDigests(bowl: CanonicalBowl, files: Readonly<Record<string, Sha256>>): unknown {
  const relative = new Set<string>();
  for (const field of walkFields(Bowl)) {
    if (relativeOf(field.schema) === 'path') relative.add(field.path);
    const { core } = field;
    if (core instanceof z.ZodArray && relativeOf(core.element as z.ZodType) === 'path') relative.add(`${field.path}[]`);
  }
  const visit = (value: unknown, path: string): unknown => {
    if (Array.isArray(value)) return value.map((item) => visit(item, `${path}[]`));
    if (typeof value === 'object' && value !== null) {
      const entries = Object.entries(value);
      return Object.fromEntries(entries.map(([key, item]) => [key, visit(item, path === '' ? key : `${path}.${key}`)]));
    }
    if (typeof value !== 'string' || !relative.has(path) || !Object.hasOwn(files, value)) return value;
    return { digest: files[value] };
  };
  return visit(bowl, '');
}
