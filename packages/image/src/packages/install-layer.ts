import { mkdtemp, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { removeTree } from '@bowline/host';
import { ImageError } from '../error.ts';
import { type BuildahContainer, openContainer, withBuildah } from '../sources/engine/buildah.ts';
import { normaliseExecuted } from '../sources/executed-layer.ts';
import { hostArch, requireExecutable } from '../sources/foreign-arch.ts';
import { ingestImage } from '../sources/ingest-image.ts';
import { openImage } from '../sources/open-image.ts';
import { type MadeSource, requestDigest, type SourcePlan } from '../sources/pin.ts';
import type { LayerRef, ResolveContext } from '../sources/source.ts';
import { writeLayout } from '../sources/write-layout.ts';
import { addedPackages, type PackageManager, type PackageVersions } from './package-manager.ts';

/** The base onto which packages go, once its layers are known. */
export interface InstallBase {
  /** Request digest of the base: another base makes the pin stale. */
  request: string;
  origin: string;
  layers(): Promise<readonly LayerRef[]>;
  packageManager(): Promise<PackageManager>;
}

/**
 * Plans `packages:` on a base that is no Debian tree of ours: the base's own package manager runs in an unprivileged container, and
 * what it changed is one layer. The lock keeps the versions it brought.
 */
export function planPackages(packages: readonly string[], base: InstallBase, context: ResolveContext): SourcePlan {
  const wanted = [...new Set(packages)].sort();
  return {
    kind: 'packages',
    request: requestDigest({ kind: 'packages', packages: wanted, base: base.request, arch: context.arch }),
    origin: `packages ${wanted.join(', ')}`,
    local: false,
    async make(pinned) {
      const packageManager = await base.packageManager();
      if (context.arch !== hostArch()) await requireExecutable(context.arch, `packages: on a ${context.arch} base`);
      return installLayer(await base.layers(), wanted, packageManager, pinned?.packages, context);
    },
  };
}

/**
 * Runs a package manager on top of layers and returns the one layer it made, with the packages that are new or changed.
 * Throws ImageError PACKAGES_FAILED (an unknown package, an unreachable mirror), ENGINE_FAILED, TOOL_MISSING.
 */
async function installLayer(
  base: readonly LayerRef[],
  packages: readonly string[],
  packageManager: PackageManager,
  pinned: PackageVersions | undefined,
  context: ResolveContext,
): Promise<MadeSource> {
  const scratch = await mkdtemp(path.join(context.scratch, 'packages-'));
  try {
    return await installInside(scratch, base, packages, packageManager, pinned, context);
  } finally {
    await removeTree(scratch);
  }
}

async function installInside(
  scratch: string,
  base: readonly LayerRef[],
  packages: readonly string[],
  packageManager: PackageManager,
  pinned: PackageVersions | undefined,
  context: ResolveContext,
): Promise<MadeSource> {
  const [before, after] = [path.join(scratch, 'base'), path.join(scratch, 'installed')];
  await writeLayout(before, base, context.arch, context.store);
  const engineContext = { host: context.host, scratch, signal: context.signal };
  const versions = await withBuildah(engineContext, async (storage) => {
    const container = await openContainer(engineContext, storage, before, context.arch);
    const found = await install(container, packages, packageManager, pinned, scratch, context);
    await container.commit(after);
    return found;
  });
  const origin = `packages ${packages.join(', ')}`;
  const source = openImage({ kind: 'oci-layout', folder: after, tag: 'latest' }, context);
  const image = await source.resolve({ architecture: context.arch }, context.signal);
  const kept = image.layers.slice(0, base.length).every((layer, index) => layer.diffId === base[index]?.diffId);
  const made = image.layers.slice(base.length);
  if (!kept || made.length !== 1)
    throw new ImageError({
      code: 'ENGINE_FAILED',
      message: `buildah was to add one layer to the ${base.length} of the base, and made ${image.layers.length} in all.`,
      hint: 'This version of buildah behaves otherwise than the known ones; Debian 12 and 13 have known ones.',
    });
  const layers = await normaliseExecuted(await ingestImage(source, { ...image, layers: made }, context), context);
  return { layers: layers.map(({ diffId, size }) => ({ diffId, size, origin })), packages: versions };
}

async function install(
  container: BuildahContainer,
  packages: readonly string[],
  packageManager: PackageManager,
  pinned: PackageVersions | undefined,
  scratch: string,
  context: ResolveContext,
): Promise<PackageVersions> {
  const { kind, environment } = packageManager;
  const list = async (): Promise<PackageVersions> =>
    packageManager.parseList(
      new TextDecoder().decode(await container.run(packageManager.listArgv(), environment, `${kind} listed packages`)),
    );
  const before = await list();
  const guards = packageManager.guardFiles(pinned);
  for (const [index, guard] of guards.entries()) {
    const file = path.join(scratch, `guard-${index}`);
    await writeFile(file, guard.content);
    await container.copy(file, guard.path, guard.mode);
  }
  try {
    for (const argv of packageManager.refreshArgv()) {
      context.progress.note(`${kind} reads its repositories`);
      await container.run(argv, environment, `${kind} read its repositories`);
    }
    context.progress.note(`${kind} installs ${packages.join(', ')}`);
    await container.run(
      packageManager.installArgv(packages, pinned),
      environment,
      `${kind} installed ${packages.join(', ')}`,
    );
  } catch (cause) {
    if (!(cause instanceof ImageError) || cause.code !== 'ENGINE_FAILED') throw cause;
    throw new ImageError({
      code: 'PACKAGES_FAILED',
      message: cause.message,
      hint: 'Check the names of the packages, and that the repositories the base names can be reached from here.',
      details: cause.details,
      cause,
    });
  }
  for (const argv of packageManager.cleanArgv()) await container.run(argv, environment, `${kind} cleaned up`);
  if (guards.length > 0)
    await container.run(['rm', '-f', ...guards.map((guard) => guard.path)], environment, `${kind} cleaned up`);
  return addedPackages(before, await list());
}
