import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nodeHost } from '@bowline/host';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const host = nodeHost();
const INDEX = join(import.meta.dirname, '../../packages/host/src/index.ts');
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bowline-full-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** Runs a module in a mount namespace where `folder` is a disk of 1 MiB, and returns what it prints as JSON. */
async function onFullDisk(body: string, ctx: { skip(reason: string): never }): Promise<unknown> {
  const script = join(tmpdir(), `bowline-full-${process.pid}.mjs`);
  await writeFile(
    script,
    `import { LocalBlobStore, withScratchFolder, writeFileAtomic } from ${JSON.stringify(INDEX)};
    import { readdir } from 'node:fs/promises';
    const folder = ${JSON.stringify(folder)};
    const tell = (error) => ({ code: error.code, message: error.message });
    async function* chunks() { for (let i = 0; i < 64; i++) yield new Uint8Array(65536).fill(i); }
    ${body}`,
  );
  const mount = 'mount -t tmpfs -o size=1m tmpfs "$1" && exec "$2" "$3"';
  const namespaces = host.isRoot ? ['--mount'] : ['--user', '--map-root-user', '--mount'];
  try {
    await host.processes
      .run({ argv: ['unshare', ...namespaces, 'true'], timeoutMs: 10_000 })
      .catch((error: Error) => ctx.skip(`no mount namespaces here: ${error.message}`));
    const { stdout } = await host.processes.run({
      argv: ['unshare', ...namespaces, '--', 'sh', '-euc', mount, 'sh', folder, process.execPath, script],
      timeoutMs: 30_000,
    });
    return JSON.parse(Buffer.from(stdout).toString());
  } finally {
    await rm(script, { force: true });
  }
}

describe('a full disk', () => {
  it('fails the store with DISK_FULL that names the folder, and leaves nothing', async (ctx) => {
    const found = await onFullDisk(
      `const store = await LocalBlobStore.open(folder);
       const error = await store.ingest(chunks()).catch(tell);
       console.log(JSON.stringify({ error, left: await readdir(folder + '/sha256') }));`,
      ctx,
    );
    expect(found).toEqual({
      error: { code: 'DISK_FULL', message: `no space left on the disk that holds ${folder}` },
      left: [],
    });
  });

  it('fails an atomic write, keeps the old file, and leaves nothing else', async (ctx) => {
    const found = await onFullDisk(
      `await writeFileAtomic(folder + '/file', 'old');
       const error = await writeFileAtomic(folder + '/file', new Uint8Array(2 ** 22)).catch(tell);
       console.log(JSON.stringify({ code: error.code, left: await readdir(folder) }));`,
      ctx,
    );
    expect(found).toEqual({ code: 'DISK_FULL', left: ['file'] });
  });
});
