import {
  createRegistry,
  formatImageReference,
  type ImageReference,
  type ImageSource,
  openImageSource,
} from '@bowline/oci';
import type { ResolveContext } from './source.ts';

/** Opens an image where its reference says; nothing is read or asked yet. */
export function openImage(
  reference: ImageReference,
  context: Pick<ResolveContext, 'host' | 'plainHttpRegistries' | 'openImages'>,
): ImageSource {
  const key = formatImageReference(reference);
  const known = context.openImages?.get(key);
  if (known !== undefined) return known;
  const registry = createRegistry({
    host: context.host,
    plainHttpRegistries: context.plainHttpRegistries,
    mirrors: parseMirrors(context.host.env['BOWLINE_REGISTRY_MIRRORS'] ?? ''),
  });
  const source = openImageSource(reference, registry);
  context.openImages?.set(key, source);
  return source;
}

/** Reads `REGISTRY=MIRROR[,MIRROR...]` pairs, separated by blanks. */
export function parseMirrors(text: string): Record<string, string[]> {
  const mirrors: Record<string, string[]> = {};
  for (const pair of text.split(/\s+/)) {
    const at = pair.indexOf('=');
    const list = pair
      .slice(at + 1)
      .split(',')
      .filter((mirror) => mirror !== '');
    if (at > 0 && list.length > 0) mirrors[pair.slice(0, at)] = list;
  }
  return mirrors;
}
