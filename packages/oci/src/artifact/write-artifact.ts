import type { Digest } from '@bowline/host';
import { type LayoutFolder, makeLayoutFolder, type StoredBlob } from '../layout/layout-folder.ts';
import { MEDIA_TYPES } from '../media-types.ts';

/** A blob of an artefact, as its manifest names it. */
export interface ArtifactPart extends StoredBlob {
  mediaType: string;
}

/** The manifest of an artefact whose blobs are written. */
export interface ArtifactParts {
  config: ArtifactPart;
  layers: readonly ArtifactPart[];
}

/** An artefact to write as a layout folder. */
export interface ArtifactRequest {
  /** New folder; must not exist. It appears whole or not at all. */
  folder: string;
  artifactType: string;
  /** Architecture it is for, by OCI's names; one of several behind one tag is chosen by it. */
  architecture: string;
  /** Name in the folder. */
  tag?: string;
  annotations?: Readonly<Record<string, string>>;
  signal?: AbortSignal;
  /** Writes the blobs: the configuration may name what was written before it. */
  fill: (add: (mediaType: string, bytes: AsyncIterable<Uint8Array>) => Promise<ArtifactPart>) => Promise<ArtifactParts>;
}

/**
 * Writes something that is no container image as an OCI layout folder (OCI image spec 1.1, "Guidelines for Artifact Usage"): a
 * configuration, and layers of any media types. Same input, same bytes. Throws DESTINATION_EXISTS.
 */
export function writeArtifactLayout(request: ArtifactRequest): Promise<{ manifestDigest: Digest }> {
  const { artifactType, annotations, architecture, tag } = request;
  const fill = async (layout: LayoutFolder) => {
    const add = async (mediaType: string, bytes: AsyncIterable<Uint8Array>): Promise<ArtifactPart> => {
      request.signal?.throwIfAborted();
      return { mediaType, ...(await layout.addBlob(bytes)) };
    };
    const { config, layers } = await request.fill(add);
    const mediaType = MEDIA_TYPES.ociManifest;
    const stored = await layout.addJson({ schemaVersion: 2, mediaType, artifactType, config, layers, annotations });
    const entry = { mediaType, ...stored, artifactType, platform: { os: 'linux', architecture }, tag };
    return { entries: [entry], result: { manifestDigest: stored.digest } };
  };
  return makeLayoutFolder(request.folder, fill, request.signal);
}
