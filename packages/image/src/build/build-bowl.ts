import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Digest, Progress } from '@bowline/host';
import { type Arch, type Bowl, type BowlLock, imageId, type Manifest, type OutputKind } from '@bowline/spec';
import { DerivedCache } from '../cache/derived-cache.ts';
import { ImageError } from '../error.ts';
import { openReleaseKey, type ReleaseKey } from '../release/release-key.ts';
import { withoutOtherReleases } from '../release/signed-releases.ts';
import { openSigner, type Signer } from '../seal/signer.ts';
import type { LayerRef } from '../sources/source.ts';
import { type Inputs, saveLock, withInputs } from './inputs.ts';
import type { BuildEnvironment, BuildOptions, BuildResult } from './options.ts';
import { filesOf, findPublished, manifestPathOf, publish, type StagedFile, withBuildFolder } from './publish.ts';
import { sealArch } from './seal-arch.ts';
import { type RootLayer, type SealedRoot, sealRoot } from './seal-root.ts';
import { chooseSlotBytes } from './slot.ts';
import { stageOutputs } from './write-outputs.ts';

/** Tools whose versions the manifest names: what decides the bytes. */
const MANIFEST_TOOLS = [
  'squashfs-tools',
  'cryptsetup-bin',
  'systemd-boot-efi',
  'xorriso',
  'qemu-utils',
  'grub-pc-bin',
  'kmod',
  'zstd',
];

/**
 * Builds a bowl: resolve, compose, seal, write the outputs, then the manifest. Everything that was made before is taken
 * from the cache, and an image that is already there is not touched.
 *
 * @throws ImageError, OciError, HostError, SpecError: see their codes
 */
export async function buildBowl(options: BuildOptions, env: BuildEnvironment): Promise<BuildResult> {
  const signer = options.keys === undefined ? undefined : await openSigner(options.keys, options.debug);
  const releaseKey = options.releaseKey === undefined ? undefined : await openReleaseKey(options.releaseKey);
  return withInputs(options, env, (inputs) => build(options, env, inputs, { signer, releaseKey }));
}

/** What a build signs with. */
interface BuildKeys {
  signer: Signer | undefined;
  releaseKey: ReleaseKey | undefined;
}

async function build(
  options: BuildOptions,
  env: BuildEnvironment,
  inputs: Inputs,
  { signer, releaseKey }: BuildKeys,
): Promise<BuildResult> {
  const { bowl, cacheFolder, signal } = options;
  const arches = options.arch ?? bowl.arch;
  const outputs = [...new Set(options.outputs ?? bowl.outputs)];
  const folder = join(options.outFolder, bowl.name);
  const result = (manifest: Manifest, unchanged: boolean): BuildResult => {
    const { name, version, imageId } = manifest;
    const files = filesOf(folder, manifest);
    return { name, version, imageId, folder, manifestPath: manifestPathOf(folder), files, unchanged };
  };
  const known = await identify(bowl, inputs.resolved.lock, options.debug, signer);
  if (pinsSlots(inputs.resolved.lock, arches)) {
    const found = await findSigned(folder, known, releaseKey);
    if (found && arches.every((arch) => outputs.every((output) => hasOutput(found, arch, output)))) {
      await saveLock(inputs.resolved.lock, inputs);
      return result(found, true);
    }
  }
  const roots = new Map<Arch, SealedRoot>();
  for (const arch of arches) roots.set(arch, await sealRootOf(arch, options, env.progress, inputs));
  const lock = pinSlots(bowl, inputs.resolved.lock, roots, env.progress);
  if (options.locked && !pinsSlots(inputs.resolved.lock, arches)) throw slotUnpinned();
  await saveLock(lock, inputs);
  const id = await identify(bowl, lock, options.debug, signer);
  const { progress } = env;
  return withBuildFolder(folder, join(cacheFolder, 'locks'), { progress, signal }, async (scratch) => {
    // Outputs and architectures that are there already stay: another one costs only itself.
    const present = await findSigned(folder, id, releaseKey);
    const staged: StagedFile[] = [];
    const manifestRoots: Manifest['roots'] = { ...present?.roots };
    const cloudConfig = await readCloudConfig(bowl, inputs.bowlFolder);
    for (const [arch, root] of roots) {
      const slotBytes = lock.arch[arch]?.slotBytes ?? 0;
      const context = { options, env, inputs, root, imageId: id, slotBytes, cloudConfig, signer };
      const sealed = await sealArch(arch, context);
      const missing = outputs.filter((output) => !hasOutput(present, arch, output));
      const { store, toolbox } = inputs;
      staged.push(
        ...(await stageOutputs(sealed, { ...env, scratch, outputs: missing, store, toolbox, releaseKey, signal })),
      );
      const { rootHash, kernelVersion, squashfsBytes } = root.record;
      const layers = (await rootLayers(arch, inputs)).map(({ layer }) => manifestLayer(layer));
      manifestRoots[arch] = { rootHash, kernelVersion, slotBytes, squashfsBytes, layers };
    }
    const { packages } = await inputs.toolbox();
    signal.throwIfAborted();
    const manifest: Manifest = {
      manifestVersion: 1,
      name: bowl.name,
      version: bowl.version,
      imageId: id,
      arch: [...new Set([...(present?.arch ?? []), ...arches])].sort(),
      debug: options.debug,
      files: present?.files ?? [],
      roots: manifestRoots,
      tools: Object.fromEntries(MANIFEST_TOOLS.flatMap((name) => (packages[name] ? [[name, packages[name]]] : []))),
    };
    return result(await publish(folder, staged, manifest), false);
  });
}

/** What is there already; a release that is not signed with the key at hand is as good as missing. */
async function findSigned(folder: string, id: Digest, key: ReleaseKey | undefined): Promise<Manifest | undefined> {
  const found = await findPublished(folder, id);
  return found === undefined || key === undefined ? found : withoutOtherReleases(found, folder, key.keyId);
}

function hasOutput(manifest: Manifest | undefined, arch: Arch, output: OutputKind): boolean {
  return manifest !== undefined && manifest.files.some((file) => file.arch === arch && file.output === output);
}

function identify(bowl: Bowl, lock: BowlLock, debug: boolean, signer: Signer | undefined): Promise<Digest> {
  return imageId({ bowl, lock, debug, signing: signer === undefined ? [] : [signer.fingerprint] });
}

/** All layers of an architecture's root, lowest first. */
async function rootLayers(arch: Arch, inputs: Inputs): Promise<RootLayer[]> {
  const layers = inputs.resolved.arch[arch];
  if (layers === undefined) throw new Error(`${arch} was not resolved`);
  return [
    ...[...layers.base, ...layers.packages].map((layer) => ({ layer, part: 'base' as const })),
    ...layers.kernel.map((layer) => ({ layer, part: 'kernel' as const })),
    ...layers.firmware.map((layer) => ({ layer, part: 'firmware' as const })),
    { layer: await inputs.agent(arch), part: 'agent' },
  ];
}

function manifestLayer({ origin, diffId, size }: LayerRef): { origin: string; digest: Digest; sizeBytes: number } {
  return { origin, digest: diffId, sizeBytes: size };
}

async function sealRootOf(arch: Arch, options: BuildOptions, progress: Progress, inputs: Inputs): Promise<SealedRoot> {
  const layers = await rootLayers(arch, inputs);
  const cache = new DerivedCache(join(options.cacheFolder, 'derived'));
  return progress.task(`${arch} root`, (task) =>
    sealRoot({ ...options, ...inputs, arch, layers, files: inputs.resolved.lock.files, cache, progress: task }),
  );
}

function pinSlots(bowl: Bowl, lock: BowlLock, roots: ReadonlyMap<Arch, SealedRoot>, progress: Progress): BowlLock {
  const arch = { ...lock.arch };
  for (const [name, { record }] of roots) {
    const locked = arch[name];
    if (locked !== undefined) {
      arch[name] = { ...locked, slotBytes: chooseSlotBytes(bowl, name, record, locked.slotBytes, progress) };
    }
  }
  return { ...lock, arch };
}

function pinsSlots(lock: BowlLock, arches: readonly Arch[]): boolean {
  return arches.every((arch) => lock.arch[arch]?.slotBytes !== undefined);
}

function slotUnpinned(): ImageError {
  return new ImageError({
    code: 'LOCK_STALE',
    message: 'bowl.lock does not pin the slot size yet, and --locked allows no change of it',
    hint: 'build once without --locked and commit bowl.lock',
  });
}

async function readCloudConfig(bowl: Bowl, bowlFolder: string): Promise<string | undefined> {
  if (bowl.cloudConfig === undefined) return undefined;
  return 'inline' in bowl.cloudConfig
    ? bowl.cloudConfig.inline
    : readFile(resolve(bowlFolder, bowl.cloudConfig.file), 'utf8');
}
