import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach } from 'vitest';
import { createArchiveSource } from '../archive/archive-source.ts';
import { digestOf } from '../digest.ts';
import { blobPath, createLayoutSource } from '../layout/layout-source.ts';
import { writeOciLayout } from '../layout/write-layout.ts';
import { MEDIA_TYPES } from '../media-types.ts';
import { createRegistrySource } from '../registry/registry-source.ts';
import { FakeRegistry } from '../testing/fake-registry.ts';
import { describeImageSource } from '../testing/image-source-contract.ts';
import { makeTestRegistry, serveImage } from '../testing/registry-fixture.ts';
import { makeConfig, makeSampleLayers, makeTar, type SampleLayer } from '../testing/sample-image.ts';

const cleanUps: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0)) await cleanUp();
});

async function makeFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'oci-source-'));
  cleanUps.push(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

function flip(bytes: Uint8Array, at: number): Uint8Array {
  const copy = Uint8Array.from(bytes);
  copy[at] = (copy[at] ?? 0) ^ 1;
  return copy;
}

describeImageSource('registry', async () => {
  const server = await FakeRegistry.start();
  cleanUps.push(() => server.stop());
  const layers = makeSampleLayers();
  serveImage(server, layers);
  const reference = { kind: 'registry', registry: server.host, repository: 'a/b', tag: '1' } as const;
  return {
    source: createRegistrySource(makeTestRegistry([server]), reference),
    layers,
    damage: async (index) => {
      const blob = layers[index]?.blob ?? new Uint8Array(0);
      server.blobs.set(digestOf(blob), flip(blob, 600));
    },
  };
});

describeImageSource('OCI layout', async () => {
  const folder = join(await makeFolder(), 'layout');
  const layers = makeSampleLayers();
  await writeOciLayout({
    folder,
    tag: 'v1',
    image: { architecture: 'amd64' },
    layers: layers.map(({ mediaType, diffId, blob }) => ({
      mediaType,
      diffId,
      open: async function* () {
        yield blob;
      },
    })),
  });
  return {
    source: createLayoutSource({ kind: 'oci-layout', folder, tag: 'v1' }),
    layers,
    damage: async (index) => {
      const path = blobPath(folder, digestOf(layers[index]?.blob ?? new Uint8Array(0)));
      await writeFile(path, flip(await readFile(path), 600));
    },
  };
});

type Members = Record<string, Uint8Array | { link: string }>;

async function openArchive(
  layers: readonly SampleLayer[],
  paths: readonly string[],
  members: Members,
  configPath?: string,
) {
  const file = join(await makeFolder(), 'image.tar');
  const config = new TextEncoder().encode(JSON.stringify(makeConfig(layers)));
  const Config = configPath ?? `${digestOf(config).slice(7)}.json`;
  const manifest = [{ Config, RepoTags: ['vendor/base:1'], Layers: paths }];
  const list = new TextEncoder().encode(JSON.stringify(manifest));
  await writeFile(file, makeTar({ ...members, [Config]: config, 'manifest.json': list }));
  return {
    source: createArchiveSource({ kind: 'docker-archive', file, image: 'vendor/base:1' }),
    layers,
    damage: async (index: number) => {
      const whole = await readFile(file);
      const at = whole.indexOf(layers[index]?.blob ?? new Uint8Array(0));
      await writeFile(file, flip(whole, at + 600));
    },
  };
}

describeImageSource('docker-archive with a folder per layer and links', async () => {
  const layers = makeSampleLayers().map((layer) => ({ ...layer, blob: layer.tar, mediaType: MEDIA_TYPES.ociLayer }));
  const members: Members = {};
  layers.forEach((layer, index) => {
    members[`${index}.tar`] = layer.blob;
    members[`v${index}/layer.tar`] = { link: `../${index}.tar` };
  });
  return openArchive(layers, ['v0/layer.tar', 'v1/layer.tar', 'v2/layer.tar'], members);
});

describeImageSource('docker-archive with blobs', async () => {
  const layers = makeSampleLayers();
  const paths = layers.map((layer) => `blobs/sha256/${digestOf(layer.blob).slice(7)}`);
  const members = Object.fromEntries(layers.map((layer, index) => [paths[index] ?? '', layer.blob]));
  const config = new TextEncoder().encode(JSON.stringify(makeConfig(layers)));
  return openArchive(layers, paths, members, `blobs/sha256/${digestOf(config).slice(7)}`);
});
