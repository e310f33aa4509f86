import type { Host } from '@bowline/host';
import { MEDIA_TYPES } from '../media-types.ts';
import type { Credentials } from '../registry/credentials.ts';
import type { RegistryOptions } from '../registry/options.ts';
import { createRegistry, type Registry } from '../registry/registry.ts';
import type { FakeRegistry } from './fake-registry.ts';
import { makeConfig, type SampleLayer } from './sample-image.ts';

/** A host that can fetch, and nothing else. */
function makeTestHost(): Pick<Host, 'fetch' | 'processes' | 'clock' | 'env'> {
  const refuse = (): never => {
    throw new Error('no processes here');
  };
  return {
    fetch: globalThis.fetch,
    processes: { run: refuse, spawn: refuse },
    clock: { now: () => new Date() },
    env: {},
  };
}

/** A client that is allowed plain HTTP to these servers, quick to retry. */
export function makeTestRegistry(
  servers: readonly FakeRegistry[],
  options: Partial<RegistryOptions> & { login?: Credentials } = {},
): Registry {
  const { login, limits, ...rest } = options;
  return createRegistry({
    host: makeTestHost(),
    plainHttpRegistries: servers.map((server) => server.host),
    credentials: async () => login,
    ...rest,
    limits: { retryBaseMs: 1, retryMaxMs: 5, requestTimeoutMs: 2000, stallTimeoutMs: 300, ...limits },
  });
}

/** Puts an image for each architecture behind one index under `tag`. */
export function serveImage(
  server: FakeRegistry,
  layers: readonly SampleLayer[],
  tag = '1',
  architectures: readonly string[] = ['amd64', 'arm64'],
): { index: string; manifests: string[] } {
  const manifests = architectures.map((architecture) => {
    const config = new TextEncoder().encode(JSON.stringify(makeConfig(layers, architecture)));
    const entry = server.putManifest(MEDIA_TYPES.ociManifest, {
      schemaVersion: 2,
      mediaType: MEDIA_TYPES.ociManifest,
      config: { mediaType: MEDIA_TYPES.ociConfig, ...server.putBlob(config) },
      layers: layers.map((layer) => ({ mediaType: layer.mediaType, ...server.putBlob(layer.blob) })),
    });
    return { ...entry, platform: { os: 'linux', architecture } };
  });
  const attestation = {
    mediaType: MEDIA_TYPES.ociManifest,
    digest: `sha256:${'0'.repeat(64)}`,
    size: 2,
    platform: { os: 'unknown', architecture: 'unknown' },
  };
  const index = { schemaVersion: 2, mediaType: MEDIA_TYPES.ociIndex, manifests: [attestation, ...manifests] };
  return {
    index: server.putManifest(MEDIA_TYPES.ociIndex, index, tag).digest,
    manifests: manifests.map((manifest) => manifest.digest),
  };
}
