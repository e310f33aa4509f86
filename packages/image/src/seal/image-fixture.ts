import { createHash, randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MIB } from '@bowline/os-layout';
import type { Arch } from '@bowline/spec';
import type { SealedImage, SizedFile } from './sealed-image.ts';

const HASH = `${'a1'.repeat(16)}${'a2'.repeat(16)}`;

/** A sealed image whose parts are noise of different sizes in a folder: enough for everything that only puts parts together. */
export async function makeSealedImage(folder: string, arch: Arch = 'amd64'): Promise<SealedImage> {
  const part = async (name: string, sizeBytes: number): Promise<SizedFile> => {
    const path = join(folder, name);
    await writeFile(path, randomBytes(sizeBytes));
    return { path, sizeBytes };
  };
  const uki = randomBytes(300_001);
  const ukiPath = join(folder, 'uki.efi');
  await writeFile(ukiPath, uki);
  return {
    arch,
    name: 'edge',
    version: '1.2',
    imageId: `sha256:${'0123456789abcdef'.repeat(4)}`,
    debug: false,
    rootHash: HASH,
    squashfs: await part('root.squashfs', 5 * 4096),
    verity: await part('root.verity', 2 * 4096),
    kernel: await part('vmlinuz', 10_007),
    kernelVersion: '6.12.0',
    initrd: await part('initrd.img', 20_011),
    uki: { path: ukiPath, sizeBytes: uki.length, sha256: `sha256:${createHash('sha256').update(uki).digest('hex')}` },
    bootLoader: await part('boot.efi', 5003),
    commandLines: { disk: 'roothash=disk', live: 'roothash=live', netboot: 'roothash=net' },
    slotBytes: 256 * MIB,
    liveLabel: 'BOWLINE_A1A1A1A1A1A1A1A1',
  };
}
