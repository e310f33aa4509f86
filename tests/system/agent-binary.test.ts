import { cp, mkdir, mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { ELF_MACHINE, parseElf } from '@bowline/formats';
import { LocalBlobStore, nodeHost } from '@bowline/host';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type AgentSource, agentSource } from '../../packages/image/src/agent/agent-source.ts';
import { buildAgent } from '../../packages/image/src/agent/build-agent.ts';
import { bundleAgent } from '../../packages/image/src/agent/bundle-agent.ts';
import { fetchInitrdPackages } from '../../packages/image/src/initrd/initrd-packages.ts';
import type { LayerRef } from '../../packages/image/src/sources/source.ts';
import { CACHE, PROJECT } from './fixtures/cli.ts';
import { silent } from './fixtures/tiny-root.ts';
import { openToolbox } from './fixtures/toolbox.ts';

const ENTRY = 'apps/agent/src/main.ts';
const AGENT = 'usr/lib/bowline/bowline-agent';
const PRIVATE = { interpreter: '/usr/lib/bowline/ld.so', runpath: ['/usr/lib/bowline'] };
const HERE = process.arch === 'arm64' ? 'arm64' : 'amd64';
const TIMEOUT_MS = 120_000;

const host = nodeHost();
const here = agentSource(PROJECT.replace(/\/$/, ''), ENTRY);
let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bowline-agent-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Makes an agent; `name` is a cache of its own for what is made, while the inputs come from the shared store. */
async function make(source: AgentSource, arch: 'amd64' | 'arm64', name: string): Promise<LayerRef> {
  const store = await LocalBlobStore.open(join(CACHE, 'store'));
  const cacheFolder = join(folder, name);
  const scratch = join(cacheFolder, 'scratch');
  await mkdir(scratch, { recursive: true });
  // The Node of another architecture is an input: what was fetched before is in the store.
  const record = join('agent', `node-${arch}.json`);
  await cp(join(CACHE, record), join(cacheFolder, record)).catch(() => undefined);
  const base = { arch, host, store, scratch, offline: false, progress: silent, signal: new AbortController().signal };
  const packages = await fetchInitrdPackages({ ...base, cacheFolder: CACHE, update: false });
  return await buildAgent({ ...base, source, packages, toolbox: await openToolbox(), cacheFolder });
}

/** A checkout with what the agent is made from and nothing else, in another place. */
async function copyCheckout(to: string): Promise<AgentSource> {
  const { inputs } = await bundleAgent(here);
  const paths = new Set(inputs);
  for (const input of inputs) {
    for (let at = dirname(input); at !== '.'; at = dirname(at)) paths.add(join(at, 'package.json'));
  }
  for (const path of paths) {
    await cp(join(here.folder, path), join(to, path), { recursive: true }).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
    });
  }
  const units = [...paths].flatMap((path) => /^packages\/([^/]+)\/package\.json$/.exec(path)?.[1] ?? []);
  await mkdir(join(to, 'node_modules/@bowline'), { recursive: true });
  for (const unit of units) await symlink(`../../packages/${unit}`, join(to, 'node_modules/@bowline', unit));
  return { ...agentSource(to, ENTRY), nodeLock: here.nodeLock, nodeModules: here.nodeModules };
}

async function unpack(layer: LayerRef, name: string): Promise<string> {
  const root = join(folder, name);
  await mkdir(root, { recursive: true });
  const store = await LocalBlobStore.open(join(CACHE, 'store'));
  const argv = ['tar', '-xf', await store.path(layer.diffId), '-C', root] as const;
  await host.processes.run({ argv, timeoutMs: TIMEOUT_MS });
  return root;
}

describe('the program of the agent', () => {
  it('has the same bytes from another checkout and another cache, and is not made twice', async () => {
    const first = await make(here, HERE, 'cache-1');
    const other = await copyCheckout(join(folder, 'another place/checkout'));
    expect(await make(other, HERE, 'cache-2')).toEqual(first);
    const startMs = performance.now();
    expect(await make(here, HERE, 'cache-1')).toEqual(first);
    expect(performance.now() - startMs).toBeLessThan(1500);
  });

  it.each(['amd64', 'arm64'] as const)('is made for %s on this machine, with a loader of its own', async (arch) => {
    const root = await unpack(await make(here, arch, 'cache-1'), arch);
    const elf = parseElf(await readFile(join(root, AGENT)));
    expect(elf).toMatchObject({ ...PRIVATE, machine: ELF_MACHINE[arch === 'amd64' ? 'x86_64' : 'aarch64'] });
    for (const name of [...elf.needed.filter((needed) => !needed.startsWith('ld-')), 'ld.so'])
      expect(parseElf(await readFile(join(dirname(join(root, AGENT)), name)))).toMatchObject({ machine: elf.machine });
  });

  it('runs where there is nothing else, and takes no orders from the environment', async (ctx) => {
    if (!host.isRoot) ctx.skip('only root may change the root of a process');
    const root = await unpack(await make(here, HERE, 'cache-1'), 'bare');
    const argv = ['chroot', root, `/${AGENT}`, 'version', '--json'] as const;
    const env = { NODE_OPTIONS: '--inspect --no-such-option', LD_LIBRARY_PATH: '/nowhere' };
    const { stdout, stderrTail } = await host.processes.run({ argv, env, timeoutMs: TIMEOUT_MS });
    expect(JSON.parse(new TextDecoder().decode(stdout))).toEqual({ version: expect.stringMatching(/^\d+\.\d+\.\d+/) });
    expect(stderrTail).toBe('');
  });
});
