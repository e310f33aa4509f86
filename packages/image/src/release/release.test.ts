import { createHash, generateKeyPairSync, hash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { planVerityTree, VerityTreeBuilder } from '@bowline/formats';
import { openArtifacts } from '@bowline/oci';
import type { ReleaseDocument, ReleaseInventory } from '@bowline/spec';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeSealedImage } from '../seal/image-fixture.ts';
import type { SealedImage } from '../seal/sealed-image.ts';
import { openReleaseKey, openTrustedKey, type ReleaseKey } from './release-key.ts';
import { verifyRelease } from './verify-release.ts';
import { writeRelease } from './write-release.ts';

const { signal } = new AbortController();
const INVENTORY: ReleaseInventory = {
  inventoryVersion: 1,
  packages: { openssl: '3.5.1-1' },
  units: ['ssh.service'],
  kernelArguments: ['quiet'],
  initrdModules: ['ext4'],
};
let work = '';
let image: SealedImage;
beforeEach(async () => {
  work = await mkdtemp(join(tmpdir(), 'bowline-release-'));
  image = await sealedImage();
});
afterEach(() => rm(work, { recursive: true, force: true }));

/** A sealed image with a root of many chunks, some of which get smaller, and the tree that belongs to it. */
async function sealedImage(): Promise<SealedImage> {
  const made = await makeSealedImage(work);
  const root = new Uint8Array(300 * 4096);
  for (let at = 0; at < root.length - 400_000; at += 32) {
    root.set(createHash('sha256').update(String(at)).digest(), at);
  }
  const tree = new Uint8Array(planVerityTree(300).hashBytes);
  const builder = new VerityTreeBuilder({
    dataBlocks: 300,
    salt: Uint8Array.of(1, 2, 3),
    uuid: '12345678-1234-4234-8234-123456789abc',
    sha256: (block) => hash('sha256', block, 'buffer'),
    write: (offset, block) => tree.set(block, offset),
  });
  builder.add(root);
  const rootHash = Buffer.from(builder.finish()).toString('hex');
  await writeFile(made.squashfs.path, root);
  await writeFile(made.verity.path, tree);
  return { ...made, rootHash, squashfs: { ...made.squashfs, sizeBytes: root.length } };
}

function write(name: string, key?: ReleaseKey): Promise<ReleaseDocument> {
  return writeRelease({ folder: join(work, name), image, inventory: INVENTORY, key, signal });
}

async function verify(name: string, keys: string[] = []) {
  const source = await openArtifacts({ kind: 'oci-layout', folder: join(work, name) });
  const [artifact] = source.artifacts;
  if (artifact === undefined) throw new Error('nothing there');
  const trusted = await Promise.all(keys.map(openTrustedKey));
  const verdict = await verifyRelease(source, artifact, { keys: trusted, onBytes: () => undefined, signal });
  // The UKI of the fixture is noise.
  return { ...verdict, problems: verdict.problems.filter((text) => !text.startsWith('uki: ')) };
}

async function makeKeys(name: string): Promise<{ key: string; publicKey: string }> {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const paths = { key: join(work, `${name}.key`), publicKey: join(work, `${name}.pem`) };
  await writeFile(paths.key, privateKey.export({ type: 'pkcs8', format: 'pem' }));
  await writeFile(paths.publicKey, publicKey.export({ type: 'spki', format: 'pem' }));
  return paths;
}

const blobPath = (name: string, digest: string): string => join(work, name, 'blobs/sha256', digest.slice(7));
async function flip(path: string, at: number): Promise<void> {
  const bytes = await readFile(path);
  bytes[at] = (bytes[at] as number) ^ 1;
  await writeFile(path, bytes);
}

describe('a release', () => {
  it('has the same bytes for the same image and key', async () => {
    const key = await openReleaseKey((await makeKeys('a')).key);
    await write('one', key);
    await write('two', key);
    const list = async (name: string) => {
      const files = await readdir(join(work, name), { recursive: true, withFileTypes: true });
      return files
        .filter((file) => file.isFile())
        .map((file) => `${file.name} ${readFileSync(join(file.parentPath, file.name)).toString('base64')}`)
        .toSorted();
    };
    expect(await list('two')).toEqual(await list('one'));
  });

  it('holds the root in chunks, smaller where they can be, and everything else beside it', async () => {
    const document = await write('one');
    expect(document.root).toEqual({
      sha256: `sha256:${createHash('sha256')
        .update(await readFile(image.squashfs.path))
        .digest('hex')}`,
      sizeBytes: image.squashfs.sizeBytes,
    });
    expect(document.chunks.sizeBytes).toBeLessThan(document.root.sizeBytes - 300_000);
    expect(document.uki.sha256).toBe(image.uki.sha256);
    expect(document.verity).toMatchObject({ rootHash: image.rootHash, salt: '010203', dataBlocks: 300 });
    expect(await verify('one')).toMatchObject({ problems: [], document, signatures: [], signedBy: [] });
  });

  it('is signed by a key, and by no other', async () => {
    const [a, b] = [await makeKeys('a'), await makeKeys('b')];
    await write('one', await openReleaseKey(a.key));
    await write('unsigned');
    expect(await verify('one', [a.publicKey])).toMatchObject({ problems: [], signedBy: [a.publicKey] });
    expect(await verify('one', [b.publicKey, a.publicKey])).toMatchObject({ problems: [], signedBy: [a.publicKey] });
    expect((await verify('one', [b.publicKey])).problems).toEqual(['it has no valid signature of a given key']);
    expect((await verify('unsigned', [a.publicKey])).problems).toEqual(['it is not signed']);
  });

  it('tells which chunk a flipped bit is in', async () => {
    const document = await write('one');
    await flip(blobPath('one', document.chunks.sha256), 200_000);
    const { problems } = await verify('one');
    expect(problems[0]).toMatch(/^chunk \d of \d+ is damaged: bytes \d+ to \d+ of the root$/);
    expect(problems[1]).toContain(document.chunks.sha256);
    const [, from, to] = /bytes (\d+) to (\d+)/.exec(problems[0] ?? '') ?? [];
    expect(Number(from)).toBeLessThanOrEqual(200_000);
    expect(Number(to)).toBeGreaterThanOrEqual(200_000);
  });

  it.each(['chunkIndex', 'ukiIndex', 'bootLoader', 'inventory'] as const)(
    'tells that the %s is damaged or missing',
    async (part) => {
      const document = await write('one');
      const blob = document[part] ?? document.uki;
      await flip(blobPath('one', blob.sha256), 3);
      expect((await verify('one')).problems).toEqual([expect.stringContaining(`${part}: Blob ${blob.sha256}`)]);
      await rm(blobPath('one', blob.sha256));
      expect((await verify('one')).problems).toEqual([expect.stringContaining('is missing')]);
    },
  );

  it('is not made of a tree that a machine could not build again', async () => {
    await flip(image.verity.path, 64 + 1);
    await expect(write('one')).rejects.toMatchObject({
      code: expect.stringMatching(/IMAGE_UNREADABLE|FORMAT_INVALID/),
    });
    expect(await readdir(work)).not.toContain('one');
  });
});

describe('a release key', () => {
  it('is Ed25519 and in PEM, and no private key is taken for a public one', async () => {
    const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const [rsaPath, junk] = [join(work, 'rsa'), join(work, 'junk')];
    await writeFile(rsaPath, rsa.privateKey.export({ type: 'pkcs8', format: 'pem' }));
    await writeFile(junk, 'secret text');
    await expect(openReleaseKey(rsaPath)).rejects.toMatchObject({ code: 'KEYS_INVALID', message: /Ed25519/ });
    await expect(openReleaseKey(join(work, 'none'))).rejects.toMatchObject({ code: 'KEYS_INVALID' });
    const refused = await openReleaseKey(junk).catch((error: unknown) => error);
    expect(String(refused)).not.toContain('secret');
    const { key } = await makeKeys('a');
    await expect(openTrustedKey(key)).rejects.toMatchObject({ message: /public one/ });
  });
});
