import { readFile, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type Digest, type Progress, writeFileAtomic } from '@bowline/host';
import {
  type Arch,
  type Bowl,
  type BowlLock,
  formatManifest,
  imageId,
  type Manifest,
  type OutputKind,
  parseManifest,
} from '@bowline/spec';
import { DerivedCache } from '../cache/derived-cache.ts';
import { ImageError } from '../error.ts';
import { openSigner, type Signer } from '../seal/signer.ts';
import { type Inputs, saveLock, withInputs } from './inputs.ts';
import type { BuildEnvironment, BuildOptions, BuildResult } from './options.ts';
import { sealArch } from './seal-arch.ts';
import { type RootLayer, type SealedRoot, sealRoot } from './seal-root.ts';
import { chooseSlotBytes } from './slot.ts';
import { filesUntouched, readTextIfThere, writeOutputs } from './write-outputs.ts';

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
  const signer = options.keys === undefined ? undefined : await openSigner(options.keys);
  return withInputs(options, env, (inputs) => build(options, env, inputs, signer));
}

async function build(
  options: BuildOptions,
  env: BuildEnvironment,
  inputs: Inputs,
  signer: Signer | undefined,
): Promise<BuildResult> {
  const { bowl } = options;
  const arches = options.arch ?? bowl.arch;
  const outputs = [...new Set(options.outputs ?? bowl.outputs)];
  const known = await identify(bowl, inputs.resolved.lock, options.debug, signer);
  const ready = pinsSlots(inputs.resolved.lock, arches) && (await findFinished(options, known, arches, outputs));
  if (ready) {
    await saveLock(inputs.resolved.lock, inputs);
    return ready;
  }
  const roots = new Map<Arch, SealedRoot>();
  for (const arch of arches) roots.set(arch, await sealRootOf(arch, options, env.progress, inputs));
  const lock = pinSlots(bowl, inputs.resolved.lock, roots, env.progress);
  if (options.locked && !pinsSlots(inputs.resolved.lock, arches)) throw slotUnpinned();
  await saveLock(lock, inputs);
  const id = await identify(bowl, lock, options.debug, signer);
  const folder = join(options.outFolder, bowl.name);
  // Until the new manifest is written nothing vouches for what lies here.
  await rm(join(folder, 'manifest.json'), { force: true });
  const files = [];
  const manifestRoots: Manifest['roots'] = {};
  for (const [arch, root] of roots) {
    const slotBytes = lock.arch[arch]?.slotBytes ?? 0;
    const cloudConfig = await readCloudConfig(bowl, inputs.bowlFolder);
    const context = { options, env, inputs, root, imageId: id, slotBytes, cloudConfig, signer };
    const sealed = await sealArch(arch, context);
    files.push(
      ...(await writeOutputs(sealed, {
        ...options,
        ...env,
        folder,
        outputs,
        store: inputs.store,
        toolbox: inputs.toolbox,
      })),
    );
    const { rootHash, kernelVersion, squashfsBytes } = root.record;
    manifestRoots[arch] = { rootHash, kernelVersion, slotBytes, squashfsBytes };
  }
  const { packages } = await inputs.toolbox();
  const manifestPath = join(folder, 'manifest.json');
  const manifest: Manifest = {
    manifestVersion: 1,
    name: bowl.name,
    version: bowl.version,
    imageId: id,
    arch: [...arches],
    debug: options.debug,
    files: files.map((file) => ({ ...file, path: file.path.slice(folder.length + 1) })),
    roots: manifestRoots,
    tools: Object.fromEntries(MANIFEST_TOOLS.flatMap((name) => (packages[name] ? [[name, packages[name]]] : []))),
  };
  await writeFileAtomic(manifestPath, formatManifest(manifest));
  return { name: bowl.name, version: bowl.version, imageId: id, folder, manifestPath, files, unchanged: false };
}

function identify(bowl: Bowl, lock: BowlLock, debug: boolean, signer: Signer | undefined): Promise<Digest> {
  return imageId({ bowl, lock, debug, signing: signer === undefined ? [] : [signer.fingerprint] });
}

function sealRootOf(arch: Arch, options: BuildOptions, progress: Progress, inputs: Inputs): Promise<SealedRoot> {
  const layers = inputs.resolved.arch[arch];
  if (layers === undefined) throw new Error(`${arch} was not resolved`);
  const parts: RootLayer[] = [
    ...[...layers.base, ...layers.packages].map((layer) => ({ layer, part: 'base' as const })),
    ...layers.kernel.map((layer) => ({ layer, part: 'kernel' as const })),
    ...layers.firmware.map((layer) => ({ layer, part: 'firmware' as const })),
  ];
  const cache = new DerivedCache(join(options.cacheFolder, 'derived'));
  return progress.task(`${arch} root`, (task) =>
    sealRoot({ ...options, ...inputs, arch, layers: parts, files: inputs.resolved.lock.files, cache, progress: task }),
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

async function findFinished(
  options: BuildOptions,
  id: Digest,
  arches: readonly Arch[],
  outputs: readonly OutputKind[],
): Promise<BuildResult | undefined> {
  const { name, version } = options.bowl;
  const folder = join(options.outFolder, name);
  const manifestPath = join(folder, 'manifest.json');
  const text = await readTextIfThere(manifestPath);
  if (text === undefined) return undefined;
  const manifest = readManifest(text, manifestPath);
  if (manifest?.imageId !== id) return undefined;
  const wanted = arches.flatMap((arch) => outputs.map((output) => `${arch} ${output}`));
  const present = new Set(manifest.files.map(({ arch, output }) => `${arch} ${output}`));
  const files = manifest.files.map((file) => ({ ...file, path: join(folder, file.path) }));
  if (!wanted.every((one) => present.has(one)) || !(await filesUntouched(manifestPath, files))) return undefined;
  return { name, version, imageId: id, folder, manifestPath, files, unchanged: true };
}

/** A manifest that cannot be read vouches for nothing: the image is then written again. */
function readManifest(text: string, path: string): Manifest | undefined {
  try {
    return parseManifest(text, path);
  } catch {
    return undefined;
  }
}

async function readCloudConfig(bowl: Bowl, bowlFolder: string): Promise<string | undefined> {
  if (bowl.cloudConfig === undefined) return undefined;
  return 'inline' in bowl.cloudConfig
    ? bowl.cloudConfig.inline
    : readFile(resolve(bowlFolder, bowl.cloudConfig.file), 'utf8');
}
