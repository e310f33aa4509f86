import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { encodeHeader, NO_XATTRS, TAR_END, tarPadding } from '@bowline/formats';
import type { BundleFile } from './collect-bundle.ts';

/** A bundle as a tar archive, compressed with gzip; its files lie in `folder` and only their owner may read them. */
export async function packBundle(folder: string, files: readonly BundleFile[], now: Date): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for (const { name, text } of files) {
    const bytes = new TextEncoder().encode(text);
    const header = encodeHeader({
      path: bytePath(`${folder}/${name}`),
      type: 'file',
      mode: 0o600,
      uid: 0,
      gid: 0,
      size: bytes.length,
      mtime: Math.floor(now.getTime() / 1000),
      linkname: '',
      deviceMajor: 0,
      deviceMinor: 0,
      xattrs: NO_XATTRS,
    });
    parts.push(header, bytes, new Uint8Array(tarPadding(bytes.length)));
  }
  return await promisify(gzip)(Buffer.concat([...parts, TAR_END]));
}

function bytePath(path: string): string {
  return Buffer.from(path, 'utf8').toString('latin1');
}
