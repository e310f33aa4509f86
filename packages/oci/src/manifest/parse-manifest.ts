import type * as z from 'zod';
import { OciError, quoteForeignText } from '../error.ts';
import { MEDIA_TYPES } from '../media-types.ts';
import { ImageIndex, ImageManifest } from './schema.ts';

/** Largest manifest or configuration that is read, in bytes (distribution spec 1.1: "at least 4 megabytes"). */
export const MAX_MANIFEST_BYTES = 4 * 2 ** 20;

/** A manifest by what it is. */
export type ParsedManifest = { kind: 'index'; index: ImageIndex } | { kind: 'image'; manifest: ImageManifest };

/**
 * Reads JSON of a foreign document and holds it to a schema. `what` starts the sentence of the error, such as
 * "the manifest of registry.example.org/base". Throws MANIFEST_INVALID, and TOO_LARGE beyond `MAX_MANIFEST_BYTES`.
 */
export function parseDocument<S extends z.ZodType>(schema: S, bytes: Uint8Array, what: string): z.infer<S> {
  const parsed = schema.safeParse(parseJson(bytes, what));
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const place = issue === undefined || issue.path.length === 0 ? '' : ` at ${issue.path.map(String).join('.')}`;
  throw invalid(what, `does not follow the image specification${place}: ${quoteForeignText(issue?.message ?? '')}`);
}

/** Reads a manifest or an index. `mediaType` is what the server or the descriptor said; the document's own word comes first. */
export function parseManifest(bytes: Uint8Array, mediaType: string | undefined, what: string): ParsedManifest {
  const raw = parseJson(bytes, what);
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) throw invalid(what, 'is JSON, but no manifest');
  const fields = raw as Record<string, unknown>;
  if (fields['schemaVersion'] === 1) {
    throw new OciError({
      code: 'MANIFEST_INVALID',
      message: `${what} is in the retired Docker schema 1 format, which cannot be verified layer by layer.`,
      hint: 'Push the image again with a present-day tool.',
    });
  }
  // A document that is both at once could be read as one thing here and as another elsewhere (CVE-2021-41190).
  if ('manifests' in fields && ('layers' in fields || 'config' in fields)) {
    throw invalid(what, 'is an index and an image at the same time');
  }
  const named = typeof fields['mediaType'] === 'string' ? fields['mediaType'] : mediaType;
  const isIndex = named === MEDIA_TYPES.ociIndex || named === MEDIA_TYPES.dockerList || 'manifests' in fields;
  return isIndex
    ? { kind: 'index', index: parseDocument(ImageIndex, bytes, what) }
    : { kind: 'image', manifest: parseDocument(ImageManifest, bytes, what) };
}

function parseJson(bytes: Uint8Array, what: string): unknown {
  if (bytes.length > MAX_MANIFEST_BYTES) {
    throw new OciError({
      code: 'TOO_LARGE',
      message: `${what} is larger than ${MAX_MANIFEST_BYTES} bytes.`,
      hint: 'This is hardly an image; check the reference.',
    });
  }
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw invalid(what, 'is no UTF-8 text', cause);
  }
  try {
    return JSON.parse(text);
  } catch (cause) {
    if (/^\s*<(!doctype|html|\?xml)/i.test(text)) {
      throw new OciError({
        code: 'MANIFEST_INVALID',
        message: `${what} is a web page instead of JSON.`,
        hint: 'Check the registry name; a login page or a proxy may stand in between.',
      });
    }
    throw invalid(what, 'is no JSON', cause);
  }
}

function invalid(what: string, why: string, cause?: unknown): OciError {
  return new OciError({
    code: 'MANIFEST_INVALID',
    message: `${what} ${why}.`,
    hint: 'Push or export the image again, and check that the reference names a container image.',
    cause,
  });
}
