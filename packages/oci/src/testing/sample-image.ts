import { gzipSync, zstdCompressSync } from 'node:zlib';
import { encodeHeader, TAR_END, type TarEntry, tarPadding } from '@bowline/formats';
import type { Digest } from '@bowline/host';
import { digestOf } from '../digest.ts';
import { MEDIA_TYPES } from '../media-types.ts';

/** A layer in memory, as tar and as blob. */
export interface SampleLayer {
  tar: Uint8Array;
  blob: Uint8Array;
  mediaType: string;
  diffId: Digest;
}

/** A tar of files and symlinks, by path. */
export function makeTar(members: Readonly<Record<string, Uint8Array | { link: string }>>): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const [path, content] of Object.entries(members)) {
    const data = content instanceof Uint8Array ? content : new Uint8Array(0);
    const entry: TarEntry = {
      path,
      type: content instanceof Uint8Array ? 'file' : 'symlink',
      mode: 0o644,
      uid: 0,
      gid: 0,
      size: data.length,
      mtime: 0,
      linkname: content instanceof Uint8Array ? '' : content.link,
      deviceMajor: 0,
      deviceMinor: 0,
      xattrs: {},
    };
    parts.push(encodeHeader(entry), data, new Uint8Array(tarPadding(data.length)));
  }
  return Buffer.concat([...parts, TAR_END]);
}

/** Three layers: plain, gzip, zstd. */
export function makeSampleLayers(): SampleLayer[] {
  const text = (word: string): Uint8Array => new TextEncoder().encode(`${word}\n`.repeat(500));
  const tars = ['base', 'middle', 'top'].map((word) => makeTar({ [`etc/${word}`]: text(word) }));
  const [plain, middle, top] = tars as [Uint8Array, Uint8Array, Uint8Array];
  return [
    { tar: plain, blob: plain, mediaType: MEDIA_TYPES.ociLayer, diffId: digestOf(plain) },
    { tar: middle, blob: gzipSync(middle), mediaType: MEDIA_TYPES.ociLayerGzip, diffId: digestOf(middle) },
    { tar: top, blob: zstdCompressSync(top), mediaType: MEDIA_TYPES.ociLayerZstd, diffId: digestOf(top) },
  ];
}

/** The configuration of an image of these layers. */
export function makeConfig(layers: readonly SampleLayer[], architecture = 'amd64'): Record<string, unknown> {
  return {
    architecture,
    os: 'linux',
    config: { Cmd: ['/bin/true'], Labels: null },
    rootfs: { type: 'layers', diff_ids: layers.map((layer) => layer.diffId) },
  };
}

/** Bytes without an early repetition, the same for the same seed. */
export function makeBytes(sizeBytes: number, seed = 1): Uint8Array {
  const bytes = new Uint8Array(sizeBytes);
  let state = seed;
  for (let index = 0; index < sizeBytes; index += 1) {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    bytes[index] = state >>> 16;
  }
  return bytes;
}
