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
  const uki = makeUki();
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
    ...(arch === 'amd64' ? { grub: await makeGrub(folder) } : {}),
    commandLines: { disk: 'roothash=disk', live: 'roothash=live', netboot: 'roothash=net' },
    slotBytes: 256 * MIB,
    liveLabel: 'BOWLINE_A1A1A1A1A1A1A1A1',
  };
}

/** Noise with the headers of a UKI: as much of one as GRUB's menu needs. */
function makeUki(): Buffer {
  const uki = randomBytes(300_001);
  const [optionalBytes, table] = [0xf0, 0x58 + 0xf0];
  uki.fill(0, 0, 1024);
  uki.write('MZ', 0);
  uki.writeUInt32LE(0x40, 0x3c);
  uki.write('PE', 0x40);
  uki.writeUInt16LE(3, 0x46);
  uki.writeUInt16LE(optionalBytes, 0x54);
  uki.writeUInt16LE(0x20b, 0x58);
  uki.writeUInt32LE(4096, 0x58 + 32);
  uki.writeUInt32LE(512, 0x58 + 36);
  uki.writeUInt32LE(16, 0x58 + 108);
  const places = { '.cmdline': [1024, 512], '.linux': [1536, 10_240], '.initrd': [11_776, 20_480] } as const;
  for (const [index, [name, [offset, length]]] of Object.entries(places).entries()) {
    uki.write(name, table + index * 40);
    uki.writeUInt32LE(length, table + index * 40 + 8);
    uki.writeUInt32LE(length, table + index * 40 + 16);
    uki.writeUInt32LE(offset, table + index * 40 + 20);
  }
  uki.fill(0, 1024, 1536);
  uki.write('roothash=disk', 1024);
  return uki;
}

/** Noise with the marks of GRUB's images. */
async function makeGrub(folder: string): Promise<NonNullable<SealedImage['grub']>> {
  const boot = randomBytes(512);
  boot[0] = 0xeb;
  boot.writeUInt16LE(0xaa55, 510);
  const core = randomBytes(7 * 512 - 5);
  core.writeUInt16LE(6, 508);
  const [bootPath, corePath] = [join(folder, 'grub-boot.img'), join(folder, 'grub-core.img')];
  await writeFile(bootPath, boot);
  await writeFile(corePath, core);
  return {
    boot: { path: bootPath, sizeBytes: boot.length },
    core: { path: corePath, sizeBytes: core.length },
  };
}
