import type { BlobStore, Digest, Host, Progress } from '@bowline/host';
import type { Arch, Bowl, BowlLock, LockedArch, LockedSource } from '@bowline/spec';
import { treeReader } from '../compose/read-tree.ts';
import { ImageError } from '../error.ts';
import { choosePackageManager } from '../packages/choose.ts';
import { planPackages } from '../packages/install-layer.ts';
import { planDebian } from '../sources/debian.ts';
import { planDockerfile } from '../sources/dockerfile.ts';
import { planFirmware } from '../sources/firmware.ts';
import { planImage } from '../sources/image.ts';
import { planKernel } from '../sources/kernel.ts';
import { readTree } from '../sources/part-of-tree.ts';
import { resolvePlan, type SourcePlan } from '../sources/pin.ts';
import { planRootfs } from '../sources/rootfs.ts';
import type { LayerLimits, LayerRef, OpenImages, ResolveContext, ResolvedSource } from '../sources/source.ts';
import type { Toolbox } from '../toolbox/toolbox.ts';
import { hashBowlFiles } from './bowl-files.ts';
import { FileDigests } from './file-digests.ts';
import { inheritedPin } from './inherited-pins.ts';
import { lockDifferences, type WantedArch } from './lock-difference.ts';

/** What resolving a bowl is asked to do. */
export interface ResolveOptions {
  bowl: Bowl;
  /** Folder of the bowl, absolute. */
  bowlFolder: string;
  /** Folders of the bowls it extends, absolute. */
  extendedFolders?: readonly string[];
  lock: BowlLock | undefined;
  /** Locks of the bowls it extends, the nearest first: their pins stand where its own lock has none for a wish. */
  inheritedLocks?: readonly BowlLock[];
  /** Instead of those the bowl names. The lock keeps the others as they are. */
  arch?: readonly Arch[];
  /** Refuse when the lock would change. */
  locked: boolean;
  offline: boolean;
  /** Look every source up again. */
  update: boolean;
  host: Host;
  store: BlobStore;
  /** Private folder; the caller removes it on every path. */
  scratch: string;
  /** File that remembers digests of unchanged local files; none: this run only. */
  digestMemory?: string;
  limits: LayerLimits;
  plainHttpRegistries: readonly string[];
  toolbox: () => Promise<Toolbox>;
  /** Digests of Bowline's own parts for an architecture; without it those of the lock are kept. */
  bowlineParts?: (arch: Arch) => Promise<Record<string, Digest>>;
  progress: Progress;
  signal: AbortSignal;
}

/** Layers of one architecture, by what they are; each list lowest first. */
export interface ResolvedArch {
  base: readonly LayerRef[];
  /** Made on top of the base: it replaces as an image's own layers do. */
  packages: readonly LayerRef[];
  /** Foreign to the base. Empty for `kernel: base`. */
  kernel: readonly LayerRef[];
  /** Foreign to the base. */
  firmware: readonly LayerRef[];
}

export interface ResolvedBowl {
  lock: BowlLock;
  /** What is new in it against the lock that was given, in words; empty: it is the same. */
  changes: readonly string[];
  arch: Readonly<Partial<Record<Arch, ResolvedArch>>>;
}

interface ArchPlans {
  base: SourcePlan;
  packages: SourcePlan | undefined;
  kernel: SourcePlan | undefined;
  firmware: readonly SourcePlan[];
  /** Set once the base is resolved; the packages' plan reads it. */
  baseLayers: { layers: readonly LayerRef[] | undefined };
}

/**
 * Turns what a bowl asks for into layers in the store and a lock that pins them. Pins whose wish is unchanged are kept.
 * Throws ImageError LOCK_STALE (with `locked`: every difference in words, before anything is fetched), OFFLINE_MISSING,
 * SOURCE_CHANGED, SOURCE_MISSING, and what the sources throw.
 */
export async function resolveBowl(options: ResolveOptions): Promise<ResolvedBowl> {
  const { bowl, lock } = options;
  const digests = new FileDigests(options.digestMemory, () => options.host.clock.now(), options.signal);
  const hashFile = (file: string): Promise<Digest> => digests.digest(file);
  const openImages: OpenImages = new Map();
  const arches = options.arch ?? bowl.arch;
  const files = await hashBowlFiles(bowl, options.bowlFolder, hashFile);
  return options.progress.task('resolve', async (progress) => {
    const contextFor = (arch: Arch, locked: LockedSource | undefined): ResolveContext => ({
      ...options,
      arch,
      locked,
      hashFile,
      openImages,
      progress,
    });
    const plans = new Map<Arch, ArchPlans>();
    for (const arch of arches)
      plans.set(arch, await planArch(bowl, lock?.arch[arch], (locked) => contextFor(arch, locked)));
    await digests.save();

    const wanted = Object.fromEntries([...plans].map(([arch, plan]) => [arch, wantedOf(plan)]));
    const changes = [...lockDifferences(lock, { files, arch: wanted }), ...droppedArches(bowl, lock)];
    if (options.locked && changes.length > 0) throw lockStale(changes);

    const resolved: Partial<Record<Arch, ResolvedArch>> = {};
    const newLock: BowlLock = { lockVersion: 1, files, arch: { ...keptArches(bowl, lock) } };
    for (const [arch, plan] of plans) {
      const locked = lock?.arch[arch];
      const run = async (one: SourcePlan, own: LockedSource | undefined): Promise<ResolvedSource> => {
        const pin =
          own?.request === one.request
            ? own
            : await inheritedPin(one, options.inheritedLocks ?? [], arch, options.store);
        return progress.task(`${arch} ${one.origin}`, (task) =>
          resolvePlan(one, { ...contextFor(arch, pin), progress: task }),
        );
      };
      const base = await run(plan.base, locked?.base);
      plan.baseLayers.layers = base.layers;
      const packages = plan.packages && (await run(plan.packages, locked?.packages));
      const kernel = plan.kernel && (await run(plan.kernel, locked?.kernel));
      const firmware: ResolvedSource[] = [];
      // By wish, not by place: an entry put before the others does not make them stale.
      for (const one of plan.firmware)
        firmware.push(
          await run(
            one,
            locked?.firmware.find((pin) => pin.request === one.request),
          ),
        );
      newLock.arch[arch] = {
        base: base.lock,
        ...(packages === undefined ? {} : { packages: packages.lock }),
        ...(kernel === undefined ? {} : { kernel: kernel.lock }),
        firmware: firmware.map((one) => one.lock),
        bowline: (await options.bowlineParts?.(arch)) ?? locked?.bowline ?? {},
        ...(locked?.slotBytes === undefined ? {} : { slotBytes: locked.slotBytes }),
      };
      resolved[arch] = {
        base: base.layers,
        packages: packages?.layers ?? [],
        kernel: kernel?.layers ?? [],
        firmware: firmware.flatMap((one) => one.layers),
      };
    }
    const moved = movedPins(lock, newLock);
    if (options.locked && moved.length > 0) throw lockStale(moved);
    return { lock: newLock, changes: [...changes, ...moved], arch: resolved };
  });
}

async function planArch(
  bowl: Bowl,
  locked: LockedArch | undefined,
  contextFor: (locked: LockedSource | undefined) => ResolveContext,
): Promise<ArchPlans> {
  const context = contextFor(locked?.base);
  const base = await planBase(bowl, context);
  const baseLayers: ArchPlans['baseLayers'] = { layers: undefined };
  const isDebian = bowl.base.debian !== undefined;
  const packages =
    isDebian || bowl.packages.length === 0
      ? undefined
      : planPackages(bowl.packages, installBase(base, baseLayers, context), contextFor(locked?.packages));
  const kernel = bowl.kernel === 'base' ? undefined : await planKernel(bowl.kernel, contextFor(locked?.kernel));
  const firmware: SourcePlan[] = [];
  for (const [index, wish] of bowl.firmware.entries())
    firmware.push(await planFirmware(wish, contextFor(locked?.firmware[index])));
  return { base, packages, kernel, firmware, baseLayers };
}

async function planBase(bowl: Bowl, context: ResolveContext): Promise<SourcePlan> {
  const { image, dockerfile, debian, rootfs } = bowl.base;
  if (image !== undefined) return planImage(image, context);
  if (dockerfile !== undefined) return planDockerfile(dockerfile, context);
  if (debian !== undefined) return planDebian(debian, bowl.packages, context);
  if (rootfs !== undefined) return planRootfs(rootfs, context);
  throw new ImageError({ code: 'SOURCE_MISSING', message: 'The bowl names no base.', hint: 'Add base: to it.' });
}

function installBase(base: SourcePlan, resolved: ArchPlans['baseLayers'], context: ResolveContext) {
  const layers = async (): Promise<readonly LayerRef[]> => {
    if (resolved.layers === undefined) throw new Error('packages are made after their base');
    return resolved.layers;
  };
  return {
    request: base.request,
    origin: base.origin,
    layers,
    packageManager: async () => {
      const reader = treeReader(await readTree(await layers(), context), context.store);
      const osRelease = (await reader.read('etc/os-release')) ?? (await reader.read('usr/lib/os-release'));
      const isFile = (file: string): boolean => {
        const at = file.lastIndexOf('/');
        // A link counts: dnf is one to dnf-3 or dnf5.
        return reader
          .list(file.slice(0, at))
          .some(({ name, type }) => name === file.slice(at + 1) && type !== 'directory');
      };
      return choosePackageManager(new TextDecoder().decode(osRelease), { isFile }, base.origin);
    },
  };
}

function wantedOf(plans: ArchPlans): WantedArch {
  const { base, packages, kernel, firmware } = plans;
  return { base, packages, kernel, firmware };
}

/** Architectures the bowl still names but that are not built now keep their pins. */
function keptArches(bowl: Bowl, lock: BowlLock | undefined): BowlLock['arch'] {
  return Object.fromEntries(Object.entries(lock?.arch ?? {}).filter(([arch]) => bowl.arch.includes(arch as Arch)));
}

function droppedArches(bowl: Bowl, lock: BowlLock | undefined): string[] {
  const dropped = Object.keys(lock?.arch ?? {}).filter((arch) => !bowl.arch.includes(arch as Arch));
  return dropped.map((arch) => `${arch} is no longer asked for`);
}

/** Pins that moved although the wish is the same (`--update`), and parts of Bowline that are others now. */
function movedPins(before: BowlLock | undefined, after: BowlLock): string[] {
  return Object.entries(after.arch).flatMap(([arch, now]) => {
    const was = before?.arch[arch as Arch];
    if (was === undefined) return [];
    const pairs = [
      ['base', was.base, now.base],
      ['packages', was.packages, now.packages],
      ['kernel', was.kernel, now.kernel],
      ...now.firmware.map((one, index) => [`firmware ${index + 1}`, was.firmware[index], one] as const),
    ] as const;
    const moved = pairs.flatMap(([name, old, fresh]) =>
      old !== undefined && old.request === fresh?.request && JSON.stringify(old.layers) !== JSON.stringify(fresh.layers)
        ? [`${arch} ${name}: ${fresh.origin} has other layers`]
        : [],
    );
    const parts = Object.keys({ ...was.bowline, ...now.bowline }).sort();
    return [
      ...moved,
      ...parts.flatMap((name) =>
        was.bowline[name] === now.bowline[name] ? [] : [`${arch} ${name} of Bowline is another`],
      ),
    ];
  });
}

function lockStale(differences: readonly string[]): ImageError {
  return new ImageError({
    code: 'LOCK_STALE',
    message: `bowl.lock does not fit the bowl, and --locked forbids to change it: ${differences.join('; ')}.`,
    hint: 'Build once without --locked, look at the changes of bowl.lock, and keep them.',
    details: { differences },
  });
}
