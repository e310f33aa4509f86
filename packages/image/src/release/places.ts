import { access, readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Host } from '@bowline/host';
import {
  type ArtifactSource,
  type ArtifactTransfer,
  createRegistry,
  openArtifacts,
  type PushedArtifacts,
  parseImageReference,
  pullArtifacts,
  pushArtifacts,
  type Registry,
  type RegistryReference,
} from '@bowline/oci';
import { ImageError } from '../error.ts';

/** How places of releases are reached. */
export interface ReleaseAccess extends ArtifactTransfer {
  host: Host;
  /** Folder that relative paths start at. */
  cwd: string;
  /** Registries (`host` or `host:port`) to talk to without TLS. */
  plainHttpRegistries: readonly string[];
}

/**
 * The release folders that a folder stands for: itself, those of a build (`out/edge`), or those of all builds (`out`); sorted.
 *
 * @throws ImageError IMAGE_MISSING when there is none
 */
export async function findReleaseFolders(folder: string): Promise<string[]> {
  const candidates = [folder];
  for (const name of await namesIn(folder)) {
    candidates.push(join(folder, name));
    for (const inner of await namesIn(join(folder, name))) candidates.push(join(folder, name, inner));
  }
  const found: string[] = [];
  for (const each of candidates) {
    if ((each === folder || each.endsWith('-release')) && (await isLayout(each))) found.push(each);
  }
  if (found.length > 0) return found.sort();
  throw new ImageError({
    code: 'IMAGE_MISSING',
    message: `there is no release in ${folder}`,
    hint: 'Build one: bowline build BOWL --output release',
  });
}

/**
 * Opens what a person names: a folder with releases, or an image reference of a registry or a layout.
 *
 * @throws ImageError IMAGE_MISSING, OciError
 */
export async function openReleases(place: string, options: ReleaseAccess): Promise<ArtifactSource[]> {
  const folder = resolve(options.cwd, place);
  const { signal } = options;
  // What looks like a path is one, so that a missing folder is not taken for a registry.
  if (/^[./]/.test(place) || (await namesIn(folder)).length > 0) {
    const folders = await findReleaseFolders(folder);
    return Promise.all(folders.map((each) => openArtifacts({ kind: 'oci-layout', folder: each }, undefined, signal)));
  }
  return [await openArtifacts(parseImageReference(place), makeRegistry(options), signal)];
}

/** Copies the releases of folders to a registry, under one tag. Throws OciError; REFERENCE_INVALID unless `to` is a registry. */
export function pushReleases(
  folders: readonly string[],
  to: string,
  options: ReleaseAccess,
): Promise<PushedArtifacts & { reference: RegistryReference }> {
  const reference = registryReference(to);
  const layouts = folders.map((folder) => ({ kind: 'oci-layout', folder }) as const);
  return pushArtifacts(makeRegistry(options), layouts, reference, options).then((pushed) => ({ ...pushed, reference }));
}

/** Copies releases from a registry into a new folder. Throws OciError as pulls, DESTINATION_EXISTS. */
export async function pullReleases(
  from: string,
  folder: string,
  options: ReleaseAccess,
): Promise<{ totalBytes: number }> {
  const reference = registryReference(from);
  const source = await openArtifacts(reference, makeRegistry(options), options.signal);
  return pullArtifacts(source, resolve(options.cwd, folder), reference.tag, options);
}

function registryReference(text: string): RegistryReference {
  const reference = parseImageReference(text);
  if (reference.kind === 'registry') return reference;
  throw new ImageError({
    code: 'IMAGE_MISSING',
    message: `${text} is not in a registry`,
    hint: 'Name a place such as registry.example.org/edge:2.',
  });
}

function makeRegistry({ host, plainHttpRegistries }: ReleaseAccess): Registry {
  return createRegistry({ host, plainHttpRegistries });
}

async function namesIn(folder: string): Promise<string[]> {
  return readdir(folder).catch(() => []);
}

async function isLayout(folder: string): Promise<boolean> {
  return access(join(folder, 'oci-layout')).then(
    () => true,
    () => false,
  );
}
