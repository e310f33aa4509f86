import { AgentError } from '../error.ts';
import type { Machine } from '../machine/machine.ts';
import type { OpenReleaseOptions, Release } from './contract.ts';

/**
 * Finds a release and verifies its document. `source` is a reference of a registry, a folder or an address of an OCI layout.
 *
 * @throws AgentError SIGNATURE_INVALID | SOURCE_UNAVAILABLE | RELEASE_UNFIT; SpecError RELEASE_INVALID; OciError.
 */
export async function openRelease(
  _machine: Machine,
  source: string,
  _options: OpenReleaseOptions = {},
): Promise<Release> {
  throw new AgentError({
    code: 'SOURCE_UNAVAILABLE',
    message: `${source} cannot be opened yet.`,
    hint: 'Wait for it.',
  });
}
