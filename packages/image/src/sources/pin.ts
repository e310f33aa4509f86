import { createHash } from 'node:crypto';
import type { Digest } from '@bowline/host';
import type { LockedLayer, LockedSource } from '@bowline/spec';
import { canonicalJson } from '@bowline/spec';
import { ImageError } from '../error.ts';
import type { LayerRef, ResolveContext, ResolvedSource } from './source.ts';

/** A layer just made or fetched, and the blob it came in where there was one. */
export interface MadeLayer extends LayerRef {
  blob?: NonNullable<LockedLayer['blob']>;
}

/** What making a source gave. */
export interface MadeSource {
  layers: readonly MadeLayer[];
  manifest?: Digest;
  packages?: Readonly<Record<string, string>>;
}

/** A source that knows what it is asked for, before anything is fetched or executed. */
export interface SourcePlan {
  kind: LockedSource['kind'];
  /** sha256 of the canonical JSON of the wish, contents of local files included by digest. */
  request: Digest;
  /** The local file of the wish is gone and `request` is that of the pin: only the store can answer. */
  requestIsPinned?: boolean;
  /** For people: `debian trixie`, `vendor/base:4.2`. */
  origin: string;
  /** True when making it needs no network: an offline build may then make it. */
  local: boolean;
  /** Makes the layers; with a pin, of exactly the pinned versions. */
  make(pinned: LockedSource | undefined): Promise<MadeSource>;
}

/** sha256 of the canonical JSON of a wish. */
export function requestDigest(wish: unknown): Digest {
  return `sha256:${createHash('sha256').update(canonicalJson(wish)).digest('hex')}`;
}

/**
 * Turns a plan into layers in the store and its pin.
 * - A pin of the same request is kept: its layers come from the store; those the store lost are made again and must be the same.
 * - No pin, another request, or `update`: made anew.
 * Throws ImageError OFFLINE_MISSING (would need the network), SOURCE_CHANGED (made again, came out different), and what making throws.
 */
export async function resolvePlan(plan: SourcePlan, context: ResolveContext): Promise<ResolvedSource> {
  const pin = !context.update && context.locked?.request === plan.request ? context.locked : undefined;
  if (pin !== undefined && (await hasAll(pin, context))) {
    context.progress.note('in the store');
    return { lock: pin, layers: pin.layers.map(({ diffId, size }) => ({ diffId, size, origin: plan.origin })) };
  }
  if (context.offline && !plan.local) throw offlineMissing(plan, pin !== undefined);
  const made = await makeAgain(plan, pin);
  if (pin !== undefined && !sameLayers(pin, made)) throw sourceChanged(plan, pin, made);
  const lock: LockedSource = pin ?? {
    kind: plan.kind,
    request: plan.request,
    origin: plan.origin,
    ...(made.manifest === undefined ? {} : { manifest: made.manifest }),
    layers: made.layers.map(({ diffId, size, blob }) => ({ diffId, size, ...(blob === undefined ? {} : { blob }) })),
    ...(made.packages === undefined ? {} : { packages: { ...made.packages } }),
  };
  return { lock, layers: made.layers.map(({ diffId, size, origin }) => ({ diffId, size, origin })) };
}

async function hasAll(pin: LockedSource, context: ResolveContext): Promise<boolean> {
  for (const { diffId } of pin.layers) if (!(await context.store.has(diffId))) return false;
  return true;
}

/** The pinned versions may be gone from the mirror: then say so, with what it said. */
async function makeAgain(plan: SourcePlan, pin: LockedSource | undefined): Promise<MadeSource> {
  if (pin?.packages === undefined) return plan.make(pin);
  try {
    return await plan.make(pin);
  } catch (cause) {
    if (!(cause instanceof ImageError) || (cause.code !== 'PACKAGES_FAILED' && cause.code !== 'SOURCE_MISSING'))
      throw cause;
    throw new ImageError({
      code: 'SOURCE_CHANGED',
      message: `${plan.origin} cannot be made again from the versions in bowl.lock: ${cause.message}`,
      hint: CHANGED_HINT,
      cause,
    });
  }
}

const CHANGED_HINT =
  'Import a store that still has the layer (bowline store import FILE), or accept what the source has now: bowline build --update.';

function sameLayers(pin: LockedSource, made: MadeSource): boolean {
  return (
    pin.layers.length === made.layers.length && pin.layers.every((layer, i) => layer.diffId === made.layers[i]?.diffId)
  );
}

function sourceChanged(plan: SourcePlan, pin: LockedSource, made: MadeSource): ImageError {
  const differences = packageDifferences(pin.packages ?? {}, made.packages ?? {});
  const shown = differences.slice(0, 10).join(', ');
  const more = differences.length > 10 ? ` and ${differences.length - 10} more` : '';
  return new ImageError({
    code: 'SOURCE_CHANGED',
    message: `${plan.origin} came out different from bowl.lock when it was made again${shown === '' ? ' (the same package versions, other bytes)' : `: ${shown}${more}`}.`,
    hint: CHANGED_HINT,
    details: {
      packages: differences,
      locked: pin.layers.map((layer) => layer.diffId),
      made: made.layers.map((layer) => layer.diffId),
    },
  });
}

/** Differences between two sets of packages, each in words. */
function packageDifferences(
  before: Readonly<Record<string, string>>,
  after: Readonly<Record<string, string>>,
): string[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
  return names.flatMap((name) => {
    const [was, is] = [before[name], after[name]];
    if (was === is) return [];
    if (was === undefined) return [`${name} ${is} is new`];
    if (is === undefined) return [`${name} ${was} is gone`];
    return [`${name} ${was} became ${is}`];
  });
}

function offlineMissing(plan: SourcePlan, pinned: boolean): ImageError {
  return new ImageError({
    code: 'OFFLINE_MISSING',
    message: pinned
      ? `${plan.origin} is pinned in bowl.lock, but its layers are not in the store, and --offline forbids to get them.`
      : `${plan.origin} is not pinned in bowl.lock, and --offline forbids to look it up.`,
    hint: 'With a network: bowline fetch BOWL. Without: bowline store import FILE, made by bowline store export elsewhere.',
    details: { origin: plan.origin, request: plan.request },
  });
}
