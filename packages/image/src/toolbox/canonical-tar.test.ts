import { encodeHeader, NO_XATTRS, TAR_END, type TarEntry, tarPadding } from '@bowline/formats';
import { describe, expect, it } from 'vitest';
import { canonicalTar } from './canonical-tar.ts';

const META = {
  mode: 0o755,
  uid: 0,
  gid: 0,
  mtime: 0,
  linkname: '',
  deviceMajor: 0,
  deviceMinor: 0,
  xattrs: NO_XATTRS,
};

function folder(path: string): Uint8Array {
  return encodeHeader({ ...META, path, type: 'directory', size: 0 });
}

function file(path: string, size: number, changes: Partial<TarEntry> = {}): Uint8Array {
  const header = encodeHeader({ ...META, path, type: 'file', size, ...changes });
  return Buffer.concat([header, Buffer.alloc(size, path), Buffer.alloc(tarPadding(size))]);
}

/** The header with the right checksum. */
function withSum(header: Uint8Array): Uint8Array {
  header.fill(0x20, 148, 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.set(Buffer.from(`${sum.toString(8).padStart(6, '0')}\0 `), 148);
  return header;
}

async function* inPieces(bytes: Uint8Array, length: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length);
}

async function filtered(members: readonly Uint8Array[], pieceBytes: number, end = Buffer.alloc(5120)): Promise<Buffer> {
  const tar = Buffer.concat([...members, end]);
  const out: Uint8Array[] = [];
  for await (const chunk of canonicalTar(inPieces(tar, pieceBytes), { without: 'dev' })) out.push(chunk);
  return Buffer.concat(out);
}

describe('canonicalTar', () => {
  const xattrs = { 'security.capability': 'abc' };
  const kept = [folder('bin'), file('bin/sh', 1000, { xattrs }), file('device', 3), folder(`${'long/'.repeat(60)}dev`)];
  const dropped = [folder('dev'), file('dev/leftover', 700, { xattrs })];
  const [first, second, ...rest] = kept as [Uint8Array, Uint8Array, ...Uint8Array[]];

  it.each([1, 100, 512, 1536, 2 ** 20])(
    'drops the folder and what is below it, the rest stays, in pieces of %i bytes',
    async (pieceBytes) => {
      const wanted = Buffer.concat([...kept, TAR_END]);
      expect(await filtered([first, second, ...dropped, ...rest], pieceBytes)).toEqual(wanted);
      expect(await filtered([...dropped, ...kept], pieceBytes)).toEqual(wanted);
      expect(await filtered([...kept, ...dropped], pieceBytes)).toEqual(wanted);
      expect(await filtered(kept, pieceBytes, Buffer.alloc(1024))).toEqual(wanted);
    },
  );

  it('writes a member in one way, in whatever way it was written', async () => {
    const header = Uint8Array.from(first);
    // Devices have numbers, folders have none: tar 1.35 says nothing about them, and both begin all names with ./
    header.fill(0, 329, 345);
    header.set(Buffer.from('./bin/\0'), 0);
    expect(await filtered([withSum(header), second], 512)).toEqual(Buffer.concat([first, second, TAR_END]));
  });

  it('refuses a tar that is cut off', async () => {
    await expect(
      filtered([folder('bin'), file('a', 4000).subarray(0, 1024)], 512, Buffer.alloc(0)),
    ).rejects.toMatchObject({ code: 'FORMAT_TRUNCATED' });
  });
});
