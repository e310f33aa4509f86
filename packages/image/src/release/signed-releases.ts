import { join } from 'node:path';
import type { Digest } from '@bowline/host';
import { openArtifacts } from '@bowline/oci';
import { type Manifest, parseReleaseSignatures, RELEASE_MEDIA_TYPES } from '@bowline/spec';
import { readBlob } from './read-blob.ts';

const MAX_SIGNATURES_BYTES = 2 ** 16;

/** The manifest of a build without those releases in its folder that a key has not signed. */
export async function withoutOtherReleases(manifest: Manifest, folder: string, keyId: Digest): Promise<Manifest> {
  const tops = new Set(manifest.files.flatMap(({ output, path }) => (output === 'release' ? [topOf(path)] : [])));
  const other = new Set<string>();
  for (const top of tops) if (!(await isSigned(join(folder, top), keyId))) other.add(top);
  return { ...manifest, files: manifest.files.filter(({ path }) => !other.has(topOf(path))) };
}

/** Whether a release says it is signed with a key; the signature itself is for who takes the release to check. */
async function isSigned(folder: string, keyId: Digest): Promise<boolean> {
  try {
    const source = await openArtifacts({ kind: 'oci-layout', folder });
    const layers = source.artifacts.flatMap(({ manifest }) => manifest.layers);
    const found = layers.find(({ mediaType }) => mediaType === RELEASE_MEDIA_TYPES.signatures);
    if (found === undefined) return false;
    const text = new TextDecoder().decode(await readBlob(source, found, MAX_SIGNATURES_BYTES));
    return parseReleaseSignatures(text, folder).signatures.some((signature) => signature.keyId === keyId);
  } catch {
    // What cannot be read is made again.
    return false;
  }
}

function topOf(path: string): string {
  return path.split('/', 1)[0] ?? '';
}
