import * as z from 'zod';
import { formatJsonDocument, type JsonDocumentKind, parseJsonDocument } from '../json-document.ts';

const Seconds = z.int().min(1).max(86_400);

/** One thing that must hold before a version counts as good. */
export const HealthCheck = z.discriminatedUnion('kind', [
  /** The base's own init has started everything (systemd: `is-system-running` is no longer starting). */
  z.strictObject({ kind: z.literal('boot-complete') }),
  /** No unit is failed, but for those named. */
  z.strictObject({ kind: z.literal('no-failed-units'), except: z.array(z.string()) }),
  /** There is a default route. */
  z.strictObject({ kind: z.literal('network') }),
  /** An SSH server answers with its banner on this machine. */
  z.strictObject({ kind: z.literal('ssh'), port: z.int().min(1).max(65_535) }),
  /** The file system of `path` has so much room. */
  z.strictObject({ kind: z.literal('disk-space'), path: z.string(), freeBytes: z.int().min(0) }),
  /** The clock is not before the build and is synchronised where the base says so. */
  z.strictObject({ kind: z.literal('time') }),
  z.strictObject({ kind: z.literal('unit'), unit: z.string() }),
  z.strictObject({
    kind: z.literal('http'),
    url: z.string(),
    status: z.int().min(100).max(599),
    timeoutSeconds: Seconds,
  }),
  z.strictObject({ kind: z.literal('command'), argv: z.array(z.string()).min(1), timeoutSeconds: Seconds }),
]);
export type HealthCheck = z.infer<typeof HealthCheck>;

/** A program of the image that is run around a change of version. */
export const LifecycleHook = z.strictObject({ argv: z.array(z.string()).min(1), timeoutSeconds: Seconds });
export type LifecycleHook = z.infer<typeof LifecycleHook>;

/** `/usr/lib/bowline/lifecycle.json`: what the bowl says of health and upgrades, complete and with defaults filled in. */
export const LifecycleDocument = z.strictObject({
  lifecycleVersion: z.literal(1),
  /** All checks must hold at the same moment within this time from the start of the assessment. */
  withinSeconds: Seconds,
  checks: z.array(HealthCheck),
  allowDowngrade: z.boolean(),
  /** Where upgrades come from unless the command names a source. */
  source: z.string().optional(),
  hooks: z.strictObject({
    beforeUpgrade: z.array(LifecycleHook),
    /** After the machine went back to an older version, by itself or by hand. */
    afterRollback: z.array(LifecycleHook),
  }),
});
export type LifecycleDocument = z.infer<typeof LifecycleDocument>;

const LIFECYCLE: JsonDocumentKind<LifecycleDocument> = {
  schema: LifecycleDocument,
  code: 'LIFECYCLE_INVALID',
  noun: 'lifecycle document',
  version: { key: 'lifecycleVersion', current: 1 },
  maxBytes: 2 ** 20,
  hint: 'It is part of the image: build the image again.',
};

/** Reads the document of an image; `path` is for messages. Throws SpecError LIFECYCLE_INVALID. */
export function parseLifecycle(text: string, path: string): LifecycleDocument {
  return parseJsonDocument(LIFECYCLE, text, path);
}

/** The bytes of the document. */
export function formatLifecycle(document: LifecycleDocument): string {
  return formatJsonDocument(document);
}
