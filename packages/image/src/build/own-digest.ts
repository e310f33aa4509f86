import { createHash } from 'node:crypto';
import type { Digest } from '@bowline/host';
import { type Arch, canonicalJson } from '@bowline/spec';
import { staticFiles } from '../initrd/static-files.ts';
import { type RuntimeFacts, runtimeAdditions } from '../runtime/runtime-additions.ts';
import { STEP_VERSION } from './plan.ts';

/** sha256 of JSON whose bytes are written as hex. */
function digestOf(value: unknown): Digest {
  const text = JSON.stringify(value, (_key, item: unknown) =>
    item instanceof Uint8Array ? Buffer.from(item).toString('hex') : item,
  );
  return `sha256:${createHash('sha256')
    .update(canonicalJson(JSON.parse(text)))
    .digest('hex')}`;
}

/** Digest over what the runtime layer of an image holds. */
export async function runtimeDigest(facts: RuntimeFacts): Promise<Digest> {
  return digestOf(await runtimeAdditions(facts));
}

/**
 * Digest over what this version of Bowline itself writes into every image of an architecture: runtime layer, the initrd's own
 * files, and how the steps work. The lock pins it: another Bowline may make other bytes, and must not do so under the same image ID.
 */
export async function ownCodeDigest(arch: Arch): Promise<Digest> {
  const runtime = await runtimeAdditions({ name: '', version: '', arch });
  const files = (await staticFiles()).map((entry) =>
    entry.type === 'file' && typeof entry.data === 'function' ? { ...entry, data: entry.data() } : entry,
  );
  return digestOf({ runtime, files, steps: STEP_VERSION });
}
