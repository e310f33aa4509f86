import { isDigest } from '../digest.ts';
import { OciError, quoteForeignText } from '../error.ts';
import type { ArchiveReference, ImageReference, LayoutReference, RegistryReference } from './image-reference.ts';

/** Longest accepted reference in characters. */
const MAX_REFERENCE_LENGTH = 4096;
/** Registry host: DNS name, IPv4 or bracketed IPv6, and a port. */
const REGISTRY =
  /^(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*)(?::[0-9]{1,5})?$/;
/** Repository name and tag: OCI distribution spec 1.1, "Pulling manifests". */
const REPOSITORY = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/;
const TAG = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;
/** Longest repository name registries must take, with the host (distribution spec, note on 255 characters). */
const MAX_NAME_LENGTH = 255;

/**
 * Reads `registry/repository[:tag][@sha256:...]`, `oci:FOLDER[:TAG][@sha256:...]` or `docker-archive:FILE[:NAME[:TAG]]`.
 * Throws OciError REFERENCE_INVALID; its hint holds the nearest reference that would be right.
 */
export function parseImageReference(text: string): ImageReference {
  if (text.length > MAX_REFERENCE_LENGTH) {
    throw invalid(text, `it is longer than ${MAX_REFERENCE_LENGTH} characters`, 'Shorten it.');
  }
  if (text === '') throw invalid(text, 'it is empty', 'Write registry/repository:tag.');
  if (/[\u0000-\u001f\u007f]/.test(text)) {
    throw invalid(text, 'it holds a control character', 'Remove the character (a line break or a tab?).');
  }
  if (text !== text.trim()) throw invalid(text, 'it starts or ends with a space', `Write ${text.trim()}.`);
  if (text.startsWith('oci:')) return parseLayout(text);
  if (text.startsWith('docker-archive:')) return parseArchive(text);
  const foreign = /^([a-z][a-z0-9-]*):(.*)$/.exec(text);
  if (foreign !== null) refuseForeignPrefix(text, foreign[1] ?? '', foreign[2] ?? '');
  return parseRegistry(text);
}

function refuseForeignPrefix(text: string, prefix: string, rest: string): void {
  switch (prefix) {
    case 'docker':
    case 'http':
    case 'https':
      if (rest.startsWith('//')) {
        throw invalid(text, `an image has no ${prefix}:// in front`, `Write ${rest.slice(2).replace(/\/+$/, '')}.`);
      }
      return;
    case 'oci-layout':
      throw invalid(text, 'a layout folder is written with oci:', `Write oci:${rest}.`);
    case 'oci-archive':
      throw invalid(
        text,
        'OCI archives are not read directly',
        'Unpack it into a folder with `tar -xf FILE -C FOLDER` and write oci:FOLDER.',
      );
    case 'docker-daemon':
    case 'containers-storage':
      throw invalid(
        text,
        `${prefix} is storage of another program`,
        'Export the image with `docker save -o vendor.tar IMAGE` (or podman) and write docker-archive:vendor.tar.',
      );
    case 'dir':
      throw invalid(
        text,
        'skopeo dir: folders are not read',
        'Copy it with `skopeo copy dir:FOLDER oci:OTHER:latest`.',
      );
    default:
      return;
  }
}

function parseLayout(text: string): LayoutReference {
  let rest = text.slice('oci:'.length);
  const reference: LayoutReference = { kind: 'oci-layout', folder: '' };
  const at = rest.lastIndexOf('@');
  if (at >= 0 && rest.slice(at + 1).startsWith('sha')) {
    reference.digest = parseDigest(text, rest.slice(at + 1));
    rest = rest.slice(0, at);
  }
  const colon = rest.indexOf(':');
  reference.folder = colon < 0 ? rest : rest.slice(0, colon);
  if (colon >= 0) {
    reference.tag = rest.slice(colon + 1);
    if (reference.tag === '')
      throw invalid(text, 'the tag after the colon is missing', `Write oci:${reference.folder}.`);
  }
  if (reference.folder === '') throw invalid(text, 'the folder is missing', 'Write oci:FOLDER or oci:FOLDER:TAG.');
  return reference;
}

function parseArchive(text: string): ArchiveReference {
  const rest = text.slice('docker-archive:'.length);
  const colon = rest.indexOf(':');
  const file = colon < 0 ? rest : rest.slice(0, colon);
  if (file === '')
    throw invalid(text, 'the file is missing', 'Write docker-archive:FILE or docker-archive:FILE:NAME:TAG.');
  if (colon < 0) return { kind: 'docker-archive', file };
  const image = rest.slice(colon + 1);
  if (image === '') throw invalid(text, 'the name after the colon is missing', `Write docker-archive:${file}.`);
  return { kind: 'docker-archive', file, image };
}

function parseRegistry(text: string): RegistryReference {
  if (/\s/.test(text)) throw invalid(text, 'it holds a space', `Write ${text.replace(/\s+/g, '')}.`);
  if (text.includes('://')) throw invalid(text, 'it looks like a web address', 'Write registry/repository:tag.');
  let rest = text;
  let digestText: string | undefined;
  const at = rest.indexOf('@');
  if (at >= 0) {
    digestText = rest.slice(at + 1);
    rest = rest.slice(0, at);
  }
  const slash = rest.indexOf('/');
  const first = slash < 0 ? '' : rest.slice(0, slash);
  const isHost = first.includes('.') || first.includes(':') || first === 'localhost';
  if (!isHost) refuseShortName(text, slash);
  if (!REGISTRY.test(first) || portOf(first) > 65535) {
    throw invalid(
      text,
      `"${quoteForeignText(first, 80)}" is no host name with an optional port`,
      'Write host or host:port.',
    );
  }
  const name = rest.slice(slash + 1);
  const colon = name.indexOf(':');
  const repository = expandHubName(first, colon < 0 ? name : name.slice(0, colon));
  const tag = colon < 0 ? undefined : name.slice(colon + 1);
  checkRepository(text, first, repository, rest);
  if (tag !== undefined && !TAG.test(tag)) {
    throw invalid(
      text,
      `"${quoteForeignText(tag, 80)}" is no tag`,
      'A tag has 1 to 128 letters, digits, dots, dashes and underscores and starts with none of dot and dash.',
    );
  }
  return {
    kind: 'registry',
    registry: first.toLowerCase(),
    repository,
    ...(tag === undefined ? {} : { tag }),
    ...(digestText === undefined ? {} : { digest: parseDigest(text, digestText) }),
  };
}

function refuseShortName(text: string, slash: number): never {
  const full = slash < 0 ? `docker.io/library/${text}` : `docker.io/${text}`;
  throw invalid(text, 'it does not name its registry', `Write the registry too, such as ${full}.`);
}

/** Docker Hub keeps its own images under `library/`, which people leave out. */
function expandHubName(registry: string, repository: string): string {
  const isHub = registry === 'docker.io' || registry === 'index.docker.io';
  return isHub && repository !== '' && !repository.includes('/') ? `library/${repository}` : repository;
}

function checkRepository(text: string, registry: string, repository: string, rest: string): void {
  if (REPOSITORY.test(repository) && registry.length + 1 + repository.length <= MAX_NAME_LENGTH) return;
  if (repository === '') throw invalid(text, 'the repository is missing', `Write ${registry}/REPOSITORY:TAG.`);
  if (repository.length > MAX_NAME_LENGTH - registry.length - 1) {
    throw invalid(text, `registry and repository have more than ${MAX_NAME_LENGTH} characters`, 'Shorten the name.');
  }
  const lower = repository.toLowerCase();
  if (REPOSITORY.test(lower)) {
    throw invalid(text, 'a repository name has no capitals', `Write ${rest.replace(repository, lower)}.`);
  }
  throw invalid(
    text,
    `"${quoteForeignText(repository, 80)}" is no repository name`,
    'Use lower-case letters and digits, separated by single dots, underscores, dashes or slashes.',
  );
}

function parseDigest(text: string, digest: string) {
  if (isDigest(digest)) return digest;
  if (isDigest(digest.toLowerCase())) throw invalid(text, 'a digest has no capitals', `Write ${digest.toLowerCase()}.`);
  if (/^sha(384|512):/.test(digest)) {
    throw invalid(text, 'only sha256 digests are supported', 'Ask for the sha256 digest of the image.');
  }
  throw invalid(text, 'the part after @ is no digest', 'Write @sha256: and 64 hex digits, or leave it out.');
}

function portOf(host: string): number {
  const match = /:([0-9]+)$/.exec(host);
  return match === null ? 0 : Number(match[1]);
}

function invalid(text: string, why: string, hint: string): OciError {
  return new OciError({
    code: 'REFERENCE_INVALID',
    message: `The image reference "${quoteForeignText(text, 120)}" cannot be used: ${why}.`,
    hint,
  });
}
