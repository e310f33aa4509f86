import { createArchiveSource } from '../archive/archive-source.ts';
import { createLayoutSource } from '../layout/layout-source.ts';
import type { ImageReference } from '../reference/image-reference.ts';
import type { Registry } from '../registry/registry.ts';
import { createRegistrySource } from '../registry/registry-source.ts';
import type { ImageSource } from './image-source.ts';

/** The source a reference names; nothing is read or asked before `resolve`. Folders and files are taken as given (absolute). */
export function openImageSource(reference: ImageReference, registry: Registry): ImageSource {
  switch (reference.kind) {
    case 'registry':
      return createRegistrySource(registry, reference);
    case 'oci-layout':
      return createLayoutSource(reference);
    case 'docker-archive':
      return createArchiveSource(reference);
  }
}
