import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { encodeHeader, TAR_END, type TarEntry, tarPadding } from '@bowline/formats';
import { MEDIA_TYPES, writeOciLayout } from '@bowline/oci';

/** A member of a layer; a file unless it says otherwise. */
export type Member = Partial<Omit<TarEntry, 'size'>> & { path: string; content?: string };

export const digestOf = (bytes: Uint8Array): `sha256:${string}` =>
  `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

/** A tar of these members, owned by whoever runs the test unless they say otherwise. */
export function tarOf(members: readonly Member[]): Uint8Array {
  const parts = members.flatMap(({ content = '', ...member }) => {
    const type = member.type ?? 'file';
    const data = type === 'file' ? Buffer.from(content) : Buffer.alloc(0);
    const entry: TarEntry = {
      ...{ type, mode: type === 'directory' ? 0o755 : 0o644, mtime: 1_700_000_000, linkname: '', xattrs: {} },
      ...{ uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0, deviceMajor: 0, deviceMinor: 0 },
      ...member,
      size: data.length,
    };
    return [encodeHeader(entry), data, new Uint8Array(tarPadding(data.length))];
  });
  return Buffer.concat([...parts, TAR_END]);
}

/** A layer as a registry has it. */
export interface TestLayer {
  blob: Uint8Array;
  diffId: `sha256:${string}`;
  mediaType: string;
}

/** A gzip layer; what it says of its archive may be wrong on purpose. */
export function layerOf(tar: Uint8Array, diffId = digestOf(tar)): TestLayer {
  return { blob: gzipSync(tar), diffId, mediaType: MEDIA_TYPES.ociLayerGzip };
}

/** Writes an image of these layers as an OCI layout. */
export async function writeImage(folder: string, layers: readonly TestLayer[], tag = '1'): Promise<void> {
  await writeOciLayout({
    folder,
    tag,
    image: { architecture: 'amd64' },
    layers: layers.map(({ mediaType, diffId, blob }) => ({
      mediaType,
      diffId,
      open: async function* () {
        yield blob;
      },
    })),
  });
}

/** Answers of a registry with one image: path to bytes. */
export function registryAnswers(
  layers: readonly TestLayer[],
  repository: string,
  tag: string,
): Record<string, Uint8Array> {
  const answers: Record<string, Uint8Array> = {};
  const put = (bytes: Uint8Array) => {
    answers[`/v2/${repository}/blobs/${digestOf(bytes)}`] = bytes;
    return { digest: digestOf(bytes), size: bytes.length };
  };
  const rootfs = { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) };
  const config = Buffer.from(JSON.stringify({ architecture: 'amd64', os: 'linux', rootfs }));
  const manifest = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.ociManifest,
    config: { mediaType: MEDIA_TYPES.ociConfig, ...put(config) },
    layers: layers.map(({ mediaType, blob }) => ({ mediaType, ...put(blob) })),
  };
  answers[`/v2/${repository}/manifests/${tag}`] = Buffer.from(JSON.stringify(manifest));
  return answers;
}
