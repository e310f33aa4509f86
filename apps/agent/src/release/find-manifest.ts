import { createHash } from 'node:crypto';
import { type Descriptor, type ImageManifest, parseManifest } from '@bowline/oci';
import { type Arch, RELEASE_MEDIA_TYPES } from '@bowline/spec';
import { AgentError } from '../error.ts';
import type { ReleasePlace } from './place.ts';
import { damaged } from './read-blob.ts';

/** Entries of an index that are looked at; a release for every architecture has two. */
const MAX_ENTRIES = 32;
const MAX_DEPTH = 3;
/** Annotation that names an entry of a layout (OCI image spec 1.1, annotations.md). */
const REF_NAME = 'org.opencontainers.image.ref.name';

interface Candidate {
  manifest: ImageManifest;
  platform: string | undefined;
}

/**
 * The manifest of a release for an architecture: what the reference names, or the one entry of an index that fits. What it
 * says is not signed: the document decides in the end.
 *
 * @throws AgentError RELEASE_UNFIT when there is none or it is something else, RELEASE_DAMAGED; OciError.
 */
export async function findManifest(place: ReleasePlace, arch: Arch, signal: AbortSignal): Promise<ImageManifest> {
  const candidates: Candidate[] = [];
  const root = await place.root(signal);
  await collect(place, root.bytes, root.mediaType, undefined, 0, candidates, signal);
  const releases = candidates.filter(({ manifest }) => isRelease(manifest));
  const fitting = releases.filter(({ platform }) => platform === undefined || platform === arch);
  const [first, second] = fitting;
  if (first !== undefined && second === undefined) return first.manifest;
  if (second !== undefined) {
    throw unfit(`${place.origin} holds ${fitting.length} releases`, 'Name one of them: add its tag, or its digest.');
  }
  if (releases.length > 0) {
    const others = [...new Set(releases.map(({ platform }) => platform))].join(', ');
    throw unfit(`${place.origin} has no release for ${arch}, only for ${others}`, `Build it with arch: [${arch}].`);
  }
  const hint = 'Build with the output `release`, and push that: `bowline push`.';
  if (candidates.some(({ manifest }) => manifest.config.mediaType.endsWith('.image.config.v1+json'))) {
    throw unfit(`${place.origin} is a container image, not a release of an operating system`, hint);
  }
  throw unfit(`${place.origin} holds no release`, hint);
}

async function collect(
  place: ReleasePlace,
  bytes: Uint8Array,
  mediaType: string | undefined,
  platform: string | undefined,
  depth: number,
  into: Candidate[],
  signal: AbortSignal,
): Promise<void> {
  const parsed = parseManifest(bytes, mediaType, `The manifest of ${place.origin}`);
  if (parsed.kind === 'image') {
    into.push({ manifest: parsed.manifest, platform });
    return;
  }
  if (depth >= MAX_DEPTH) return;
  const entries = selectEntries(place, parsed.index.manifests, depth);
  for (const entry of entries.slice(0, MAX_ENTRIES - into.length)) {
    const what = `the manifest ${entry.digest.slice(0, 19)}`;
    const inner = await place.manifest({ digest: entry.digest, sizeBytes: entry.size }, signal);
    if (`sha256:${createHash('sha256').update(inner).digest('hex')}` !== entry.digest) {
      throw damaged(what, place.origin, 'its digest is another');
    }
    await collect(place, inner, entry.mediaType, entry.platform?.architecture ?? platform, depth + 1, into, signal);
  }
}

function selectEntries(place: ReleasePlace, entries: readonly Descriptor[], depth: number): readonly Descriptor[] {
  // In a registry the tag has been followed already; only the index of a layout has names.
  if (place.tag === undefined || depth > 0) return entries;
  const named = entries.filter((entry) => entry.annotations?.[REF_NAME] === place.tag);
  if (named.length > 0) return named;
  const names = [...new Set(entries.flatMap((entry) => entry.annotations?.[REF_NAME] ?? []))].slice(0, 20);
  throw unfit(
    `${place.origin} has nothing that is named ${place.tag}`,
    names.length === 0 ? 'Leave the tag out.' : `There is: ${names.join(', ').replace(/[^\x20-\x7e]/g, '?')}.`,
  );
}

function isRelease(manifest: ImageManifest): boolean {
  const { artifact, document } = RELEASE_MEDIA_TYPES;
  return manifest['artifactType'] === artifact || manifest.config.mediaType === document;
}

function unfit(why: string, hint: string): AgentError {
  return new AgentError({ code: 'RELEASE_UNFIT', message: `${why}.`, hint });
}
