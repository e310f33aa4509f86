import type { Digest } from '@bowline/host';

/** An image in a registry. Without tag and digest the tag is `latest`; with both, the digest decides. */
export interface RegistryReference {
  kind: 'registry';
  /** Host and optional port, as written: `registry.example.org:5000`. */
  registry: string;
  repository: string;
  tag?: string;
  digest?: Digest;
}

/** An image in a folder of the OCI image layout (image-layout.md). */
export interface LayoutReference {
  kind: 'oci-layout';
  folder: string;
  /** `org.opencontainers.image.ref.name` of the wanted entry; may be left out when the folder holds one image. */
  tag?: string;
  digest?: Digest;
}

/** An image in a tar made by `docker save` or `podman save`. */
export interface ArchiveReference {
  kind: 'docker-archive';
  file: string;
  /** `name:tag` of the wanted image; may be left out when the archive holds one image. */
  image?: string;
}

/** Where an image is. */
export type ImageReference = RegistryReference | LayoutReference | ArchiveReference;

/** The reference as a person would write it; parses back to itself. */
export function formatImageReference(reference: ImageReference): string {
  switch (reference.kind) {
    case 'registry': {
      const tag = reference.tag === undefined ? '' : `:${reference.tag}`;
      const digest = reference.digest === undefined ? '' : `@${reference.digest}`;
      return `${reference.registry}/${reference.repository}${tag}${digest}`;
    }
    case 'oci-layout': {
      const tag = reference.tag === undefined ? '' : `:${reference.tag}`;
      const digest = reference.digest === undefined ? '' : `@${reference.digest}`;
      return `oci:${reference.folder}${tag}${digest}`;
    }
    case 'docker-archive':
      return `docker-archive:${reference.file}${reference.image === undefined ? '' : `:${reference.image}`}`;
  }
}

/**
 * The same image nailed to a digest of one manifest, so that a tag which moved does not matter. A docker-archive has no manifest
 * digest to ask for and stays as it is.
 */
export function pinImageReference(reference: ImageReference, digest: Digest): ImageReference {
  return reference.kind === 'docker-archive' ? reference : { ...reference, digest };
}
