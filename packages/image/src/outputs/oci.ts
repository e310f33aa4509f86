import { createHash } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { constants, createZstdCompress } from 'node:zlib';
import { MEDIA_TYPES, writeOciLayout } from '@bowline/oci';
import { SOURCE_EPOCH } from '@bowline/os-layout';
import { emitTar } from '../compose/emit-tar.ts';
import { artefactStem, type Output } from './output.ts';

const ZSTD_LEVEL = 3;
const MILLISECONDS = 1000;

/** The root as an ordinary container image (an OCI layout folder): to scan it, to run its tools, to build on it. */
export const ociOutput: Output = {
  kind: 'oci',
  title: 'OCI image',
  async write({ image, scratch, tree, store, progress, signal }) {
    const folder = `${artefactStem(image)}-oci`;
    const root = await tree();
    const plain = createHash('sha256');
    const layer = async function* (): AsyncGenerator<Uint8Array> {
      for await (const chunk of emitTar(root, store, { signal, onBytes: (done) => progress.bytes(done) })) {
        plain.update(chunk);
        yield chunk;
      }
    };
    const compress = (): AsyncIterable<Uint8Array> =>
      Readable.from(layer(), { objectMode: false }).compose(
        createZstdCompress({ params: { [constants.ZSTD_c_compressionLevel]: ZSTD_LEVEL } }),
        { signal },
      );
    await writeOciLayout({
      folder: join(scratch, folder),
      image: {
        architecture: image.arch,
        created: new Date(SOURCE_EPOCH * MILLISECONDS).toISOString(),
        config: {
          Labels: { 'org.opencontainers.image.title': image.name, 'org.opencontainers.image.version': image.version },
        },
      },
      layers: [{ mediaType: MEDIA_TYPES.ociLayerZstd, diffId: () => `sha256:${plain.digest('hex')}`, open: compress }],
      tag: image.version,
      signal,
    });
    const blobs = await readdir(join(scratch, folder, 'blobs/sha256'));
    return ['oci-layout', 'index.json', ...blobs.sort().map((name) => `blobs/sha256/${name}`)].map(
      (name) => `${folder}/${name}`,
    );
  },
};
