import { mkdir, rename, rm, rmdir, stat } from 'node:fs/promises';
import { basename, dirname, join, normalize } from 'node:path';
import type { IndexedEntry } from '@bowline/formats';
import { syncFolder, withScratchFolder } from '@bowline/host';
import {
  createRegistry,
  formatImageReference,
  type ImageSource,
  openImageSource,
  parseImageReference,
  type RegistryOptions,
  type ResolvedImage,
} from '@bowline/oci';
import { AgentError } from '../error.ts';
import type { Machine } from '../machine/machine.ts';
import type { Outcome } from '../plugins/plugin.ts';
import { applyLayer, finishFolders, type Omitted } from './apply-layer.ts';
import { moveOver } from './move-tree.ts';
import { DEFAULT_UNPACK_LIMITS, spoolLayer, type UnpackLimits } from './spool-layer.ts';
import { Tree } from './tree.ts';
import { readUnpackRecord, type UnpackRecord, writeUnpackRecord } from './unpack-record.ts';

/** An image and where it goes. */
export interface UnpackWish {
  source: string;
  /** Absolute path of a folder of the machine. */
  target: string;
  /** `linux/arm64`, `arm64`, `linux/arm/v7`; that of the machine unless given. */
  platform: string | undefined;
}

/** What tests set differently. */
export interface UnpackOptions {
  registry?: Partial<RegistryOptions>;
  limits?: Partial<UnpackLimits>;
}

/**
 * Unpacks an image into a folder. Everything is fetched, verified and unpacked beside the target first; a new target
 * appears by one rename, an existing one gets file after file. The same digest is not unpacked again, and an image that
 * is there stays when its registry is away.
 *
 * @throws OciError, FormatsError; AgentError STEP_FAILED, STEP_INVALID.
 */
export async function unpackImage(machine: Machine, wish: UnpackWish, options: UnpackOptions = {}): Promise<Outcome> {
  const target = normalize(wish.target).replace(/\/+$/, '');
  if (!target.startsWith('/')) throw invalid('the target is no absolute path below the root');
  const image = parseImageReference(stripScheme(wish.source));
  const name = formatImageReference(image);
  const source = openImageSource(image, createRegistry({ host: hostOf(machine), ...options.registry }));
  const wanted = readPlatform(wish.platform ?? `linux/${(await machine.facts()).arch}`);
  const before = await readUnpackRecord(machine, target);
  const isThere = before !== undefined && (await isFolder(machine.locate(target)));
  const isSame = isThere && before.source === name && before.platform === wanted.text;
  let resolved: ResolvedImage;
  try {
    resolved = await source.resolve(wanted.wish, machine.signal);
  } catch (error) {
    const isAway = (error as { code?: unknown }).code === 'REGISTRY_UNREACHABLE';
    if (isAway && isSame) return { changed: false, note: 'the registry cannot be reached; what is there stays' };
    throw error;
  }
  const record: UnpackRecord = { source: name, platform: wanted.text, digest: resolved.manifestDigest };
  if (isThere && before.digest === record.digest) return { changed: false, note: record.digest };
  const omitted = await putInPlace(machine, target, source, resolved, { ...DEFAULT_UNPACK_LIMITS, ...options.limits });
  await writeUnpackRecord(machine, target, record);
  return { changed: true, note: [record.digest, ...describe(omitted)].join('; ') };
}

async function putInPlace(
  machine: Machine,
  target: string,
  source: ImageSource,
  image: ResolvedImage,
  limits: UnpackLimits,
): Promise<Omitted> {
  const final = machine.locate(target);
  const isExisting = await isFolder(final);
  // Beside a new target, inside an existing one: it may be a mount point, and renames do not leave a file system.
  const place = isExisting ? final : dirname(final);
  await mkdir(place, { recursive: true });
  return withScratchFolder(place, async (scratch) => {
    const tree = join(scratch, basename(final));
    await mkdir(tree, { mode: 0o755 });
    const omitted = await unpackLayers(machine, source, image, tree, join(scratch, 'layer.tar'), limits);
    if (isExisting) await moveOver(tree, final);
    else await rename(tree, final);
    await syncFolder(place);
    if (isExisting) await rmdir(tree).catch(() => undefined);
    return omitted;
  });
}

async function unpackLayers(
  machine: Machine,
  source: ImageSource,
  image: ResolvedImage,
  folder: string,
  spool: string,
  limits: UnpackLimits,
): Promise<Omitted> {
  const tree = new Tree(folder);
  const omitted: Omitted = { owners: 0, devices: 0, xattrs: 0 };
  const budget = { ...limits, bytes: limits.maxBytes, entries: limits.maxEntries };
  const layers: IndexedEntry[][] = [];
  for (const layer of image.layers) {
    const entries = await spoolLayer(source, layer, spool, budget, machine.signal);
    await applyLayer(machine, tree, entries, spool, omitted);
    await rm(spool, { force: true });
    layers.push(entries);
  }
  await finishFolders(tree, layers);
  return omitted;
}

/** `docker://` and the like, as other tools write them, mean the registry. */
function stripScheme(source: string): string {
  return source.replace(/^(?:docker|container|oci-registry):\/\//, '');
}

function readPlatform(text: string): { text: string; wish: { architecture: string; variant?: string } } {
  const [, architecture, variant] = /^(?:linux\/)?([a-z0-9_-]+)(?:\/(v[0-9]+))?$/.exec(text) ?? [];
  if (architecture === undefined || architecture === 'linux') throw invalid('the platform is not like linux/arm64');
  const wish = { architecture, ...(variant === undefined ? {} : { variant }) };
  return { text: `linux/${architecture}${variant === undefined ? '' : `/${variant}`}`, wish };
}

function hostOf(machine: Machine): RegistryOptions['host'] {
  const { fetch, processes, clock } = machine;
  // A service has no HOME; logins are those of root.
  return { fetch, processes, clock, env: { ...process.env, HOME: machine.locate('/root') } };
}

async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() ?? false;
}

function describe({ owners, devices, xattrs }: Omitted): string[] {
  return [
    ...(owners > 0 ? [`${owners} owners were not set: only root can`] : []),
    ...(devices > 0 ? [`${devices} devices were left out`] : []),
    ...(xattrs > 0 ? [`extended attributes of ${xattrs} files were left out`] : []),
  ];
}

function invalid(why: string): AgentError {
  return new AgentError({ code: 'STEP_INVALID', message: `unpack image: ${why}.`, hint: 'See the reference.' });
}
