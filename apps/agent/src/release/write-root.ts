import { AgentError } from '../error.ts';
import type { Release, RootTarget, WriteRootOptions, WrittenRoot } from './contract.ts';

/**
 * Writes the root of a release and its verity tree, durable, and computes the root hash from what the disk gives back. Called
 * again after an interruption it continues. Nothing in the target may be used unless this returns.
 *
 * @throws AgentError SLOT_TOO_SMALL | NO_SPACE | WRITE_FAILED | ROOT_HASH_MISMATCH | SOURCE_UNAVAILABLE | RELEASE_DAMAGED; OciError.
 */
export async function writeRoot(
  release: Release,
  _target: RootTarget,
  _options: WriteRootOptions,
): Promise<WrittenRoot> {
  throw new AgentError({ code: 'WRITE_FAILED', message: `${release.origin} cannot be written yet.`, hint: 'Wait.' });
}
