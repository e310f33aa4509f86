import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { blobPath } from '../layout/layout-source.ts';
import { MEDIA_TYPES } from '../media-types.ts';
import { FakeRegistry } from '../testing/fake-registry.ts';
import { makeTestRegistry } from '../testing/registry-fixture.ts';
import { openArtifacts } from './open-artifacts.ts';
import { pullArtifacts } from './pull-artifacts.ts';
import { writeArtifactLayout } from './write-artifact.ts';

let work: string;
let server: FakeRegistry;
beforeEach(async () => {
  work = await mkdtemp(join(tmpdir(), 'oci-artifact-'));
  server = await FakeRegistry.start();
});
afterEach(async () => {
  await server.stop();
  await rm(work, { recursive: true, force: true });
});

const TYPE = 'application/vnd.example.v1';
async function* text(value: string): AsyncGenerator<Uint8Array> {
  yield new TextEncoder().encode(value);
}
const write = (name: string, architecture = 'amd64') =>
  writeArtifactLayout({
    folder: join(work, name),
    artifactType: TYPE,
    architecture,
    tag: '1',
    fill: async (add) => {
      const layer = await add('text/plain', text(`layer for ${architecture}`));
      return { config: await add('application/json', text(JSON.stringify({ layer: layer.digest }))), layers: [layer] };
    },
  });
const open = (name: string) => openArtifacts({ kind: 'oci-layout', folder: join(work, name) }, makeTestRegistry([]));
/** Everything in a folder, by path. */
async function contentOf(name: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const entry of await readdir(join(work, name), { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile()) found[path.slice(join(work, name).length)] = await readFile(path, 'utf8');
  }
  return found;
}
/** What `pushArtifacts` leaves in a registry. */
async function serve(names: readonly string[], tag: string): Promise<void> {
  const entries = [];
  for (const name of names) {
    for (const { bytes, manifest, platform } of (await open(name)).artifacts) {
      for (const blob of [manifest.config, ...manifest.layers]) {
        server.putBlob(await readFile(blobPath(join(work, name), blob.digest)));
      }
      entries.push({ ...server.putManifest(MEDIA_TYPES.ociManifest, bytes, tag), artifactType: TYPE, platform });
    }
  }
  if (entries.length > 1) {
    server.putManifest(
      MEDIA_TYPES.ociIndex,
      { schemaVersion: 2, mediaType: MEDIA_TYPES.ociIndex, manifests: entries },
      tag,
    );
  }
}

describe('an artefact', () => {
  it('has a type, a configuration that may name its layers, and the same bytes each time', async () => {
    await write('one');
    await write('two');
    expect(await contentOf('two')).toEqual(await contentOf('one'));
    const { artifacts } = await open('one');
    expect(artifacts).toHaveLength(1);
    expect(artifacts[0]).toMatchObject({
      platform: { os: 'linux', architecture: 'amd64' },
      manifest: {
        artifactType: TYPE,
        config: { mediaType: 'application/json' },
        layers: [{ mediaType: 'text/plain' }],
      },
    });
    await expect(write('one')).rejects.toMatchObject({ code: 'DESTINATION_EXISTS' });
  });

  it('is pulled as it was written', async () => {
    await write('one');
    await serve(['one'], '1');
    const reference = { kind: 'registry', registry: server.host, repository: 'a/b', tag: '1' } as const;
    const source = await openArtifacts(reference, makeTestRegistry([server]));
    const seen: number[] = [];
    const { totalBytes } = await pullArtifacts(source, join(work, 'copy'), '1', {
      progress: (done) => seen.push(done),
    });
    expect(seen.at(-1)).toBe(totalBytes);
    const [copy, one] = [await contentOf('copy'), await contentOf('one')];
    // Only the index of the folder differs: a manifest that is tagged itself has no platform.
    expect({ ...copy, '/index.json': '' }).toEqual({ ...one, '/index.json': '' });
  });

  it('is pulled with those for other platforms where an index is tagged', async () => {
    await write('one');
    await write('arm', 'arm64');
    await serve(['one', 'arm'], '1');
    const reference = { kind: 'registry', registry: server.host, repository: 'a/b', tag: '1' } as const;
    await pullArtifacts(await openArtifacts(reference, makeTestRegistry([server])), join(work, 'copy'), '1');
    const { artifacts } = await open('copy');
    expect(artifacts.map(({ platform }) => platform?.architecture)).toEqual(['amd64', 'arm64']);
  });

  it('is not taken when a blob was altered', async () => {
    await write('one');
    await serve(['one'], '1');
    const [artifact] = (await open('one')).artifacts;
    const digest = artifact?.manifest.layers[0]?.digest ?? 'sha256:';
    server.blobs.set(digest, new TextEncoder().encode('layer for amd65'));
    const reference = { kind: 'registry', registry: server.host, repository: 'a/b', tag: '1' } as const;
    const source = await openArtifacts(reference, makeTestRegistry([server]));
    await expect(pullArtifacts(source, join(work, 'copy'), '1')).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
    expect(await readdir(work)).toEqual(['one']);
    await writeFile(blobPath(join(work, 'one'), digest as `sha256:${string}`), 'altered');
    const layout = await open('one');
    await expect(pullArtifacts(layout, join(work, 'copy'), '1')).rejects.toMatchObject({ code: 'TRUNCATED' });
  });
});
