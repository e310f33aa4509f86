import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setLoader } from '@bowline/formats';
import {
  type BlobStore,
  type Digest,
  type Host,
  type TaskProgress,
  withFileLock,
  withScratchFolder,
  writeFileAtomic,
} from '@bowline/host';
import type { Arch } from '@bowline/spec';
import { ImageError } from '../error.ts';
import { openTarTree } from '../initrd/file-tree.ts';
import type { InitrdPackages } from '../initrd/initrd-packages.ts';
import type { LayerRef } from '../sources/source.ts';
import type { Toolbox } from '../toolbox/toolbox.ts';
import { agentLayer } from './agent-layer.ts';
import { MULTIARCH, PRIVATE_PATHS, privateLibraries } from './agent-libraries.ts';
import { readAgentRecord } from './agent-record.ts';
import type { AgentSource } from './agent-source.ts';
import { bundleAgent, bundleDigest } from './bundle-agent.ts';
import { type NodePin, nodeRuntime, readNodePin } from './node-runtime.ts';
import { trimIcu } from './trim-icu.ts';

/** Raise it when this code makes another agent of the same inputs. */
const RECIPE = 2;
const TIMEOUT_MS = 5 * 60_000;
const MAX_LAYER_BYTES = 512 * 2 ** 20;

/**
 * How Node is asked to behave in the agent. The environment cannot change it. There is no code cache: its bytes differ from run to run,
 * and it saves 5 ms.
 */
const NODE_OPTIONS = {
  disableExperimentalSEAWarning: true,
  useSnapshot: false,
  useCodeCache: false,
  execArgv: ['--max-old-space-size=96'],
  execArgvExtension: 'none',
} as const;

export interface BuildAgentOptions {
  source: AgentSource;
  arch: Arch;
  packages: InitrdPackages;
  toolbox: Toolbox;
  host: Host;
  store: BlobStore;
  cacheFolder: string;
  scratch: string;
  offline: boolean;
  progress: TaskProgress;
  signal: AbortSignal;
}

/**
 * The agent of an architecture with its private libraries, as a layer in the store: a single executable of Node and the agent's
 * bundle. Made once for equal sources, Node, libraries and tools; the same bytes on every machine. Programs of the image's
 * architecture are only ever data, so any machine makes either.
 *
 * @throws ImageError OFFLINE_MISSING | SOURCE_CHANGED | TOOL_MISSING | TOOLBOX_FAILED, HostError
 */
export async function buildAgent(options: BuildAgentOptions): Promise<LayerRef> {
  const { source, arch, cacheFolder, progress, signal } = options;
  const folder = join(cacheFolder, 'agent');
  await mkdir(folder, { recursive: true });
  const pin = await readNodePin(source, arch);
  const bundle = await bundleDigest(source, join(folder, 'bundle.json'));
  const recordPath = join(folder, `${agentKey(options, pin, bundle)}.json`);
  const known = await readRecord(recordPath, options);
  if (known !== undefined) return known;
  const onWait = (): void => progress.note('another build makes the same agent; waiting for it');
  return withFileLock(`${recordPath}.lock`, { onWait, signal }, async () => {
    const meanwhile = await readRecord(recordPath, options);
    if (meanwhile !== undefined) return meanwhile;
    return withScratchFolder(options.scratch, async (scratch) => {
      const { diffId, size } = await makeLayer({ ...options, scratch }, pin);
      await writeFileAtomic(recordPath, `${JSON.stringify({ diffId, size })}\n`);
      return layerOf(diffId, size);
    });
  });
}

function agentKey(options: BuildAgentOptions, pin: NodePin, bundle: Digest): string {
  const { arch, packages, toolbox } = options;
  const inputs = [RECIPE, arch, bundle, pin.version, pin.integrity, NODE_OPTIONS, packages.diffId, toolbox.digest];
  return createHash('sha256').update(JSON.stringify(inputs)).digest('hex');
}

async function readRecord(path: string, options: BuildAgentOptions): Promise<LayerRef | undefined> {
  const record = await readAgentRecord(path);
  if (record === undefined || !(await options.store.has(record.diffId))) return undefined;
  return layerOf(record.diffId, record.size);
}

function layerOf(diffId: Digest, size: number): LayerRef {
  return { diffId, size, origin: 'bowline-agent' };
}

async function makeLayer(options: BuildAgentOptions, pin: NodePin): Promise<{ diffId: Digest; size: number }> {
  const { source, arch, packages, store, scratch, progress, signal } = options;
  const node = await nodeRuntime(options);
  progress.note('putting the agent together');
  const { code } = await bundleAgent(source);
  await writeFile(join(scratch, 'agent.cjs'), code);
  const program = await makeProgram(options, pin, node);
  const tree = await openTarTree(await store.path(packages.diffId));
  const libraries = await privateLibraries(await readFile(program), tree, arch);
  const { digest, size } = await store.ingest(agentLayer(program, libraries), { maxBytes: MAX_LAYER_BYTES, signal });
  return { diffId: digest, size };
}

/**
 * Strip, trim, inject, set the loader, in this order: strip would take the injected part away, and what injects makes room of its own.
 * Names in the configuration are relative: they are carried in the program.
 */
async function makeProgram(options: BuildAgentOptions, pin: NodePin, node: string): Promise<string> {
  const { arch, scratch, toolbox, host, signal } = options;
  const binds = [
    { source: node, target: '/in/node', writable: false },
    { source: scratch, target: '/out', writable: true },
  ];
  const tool = (argv: readonly [string, ...string[]]) => toolbox.run({ argv, binds, timeoutMs: TIMEOUT_MS, signal });
  const strip = `${MULTIARCH[arch].triplet}-strip`;
  await tool([strip, '--strip-all', '-o', '/out/node', '/in/node']);
  const stripped = await readFile(join(scratch, 'node'));
  trimIcu(stripped);
  await writeFile(join(scratch, 'node'), stripped);
  if (process.version !== `v${pin.version}`) throw wrongNode(pin);
  const configuration = { main: 'agent.cjs', executable: 'node', output: 'injected', ...NODE_OPTIONS };
  await writeFile(join(scratch, 'sea.json'), JSON.stringify(configuration));
  const argv = [process.execPath, '--build-sea', 'sea.json'] as const;
  await host.processes.run({ argv, name: 'node --build-sea', cwd: scratch, timeoutMs: TIMEOUT_MS, signal });
  const program = await readFile(join(scratch, 'injected'));
  setLoader(program, PRIVATE_PATHS);
  const path = join(scratch, 'program');
  await writeFile(path, program);
  return path;
}

/** Only the same Node knows what the one it is injected into wants to find. */
function wrongNode(pin: NodePin): ImageError {
  return new ImageError({
    code: 'TOOL_MISSING',
    message: `the agent is made with Node ${pin.version}, but this is Node ${process.versions.node}`,
    hint: 'Start Bowline with its own script ./bowline, which brings the Node it needs.',
  });
}
