import { gzipSync } from 'node:zlib';
import type { BlobStore } from '@bowline/host';
import { describe, expect, it } from 'vitest';
import { type Addition, addToTree } from '../../compose/additions.ts';
import { emptyTree, type MergedTree, walkTree } from '../../compose/merged-tree.ts';
import { findKernel } from './find-kernel.ts';
import { readKernelImage } from './kernel-image.ts';
import { newestFirst } from './kernel-version.ts';

const noStore = {} as BlobStore;

function bzImage(version: string, parts: { is64?: boolean } = {}): Uint8Array {
  const bytes = new Uint8Array(2048);
  const view = new DataView(bytes.buffer);
  view.setUint16(0x1fe, 0xaa55, true);
  bytes.set(new TextEncoder().encode('HdrS'), 0x202);
  view.setUint16(0x206, 0x20f, true);
  view.setUint16(0x20e, 0x300, true);
  view.setUint16(0x236, (parts.is64 ?? true) ? 1 : 0, true);
  bytes.set(new TextEncoder().encode(`${version} (build@host) #1\0`), 0x500);
  return bytes;
}

function arm64Image(): Uint8Array {
  const bytes = new Uint8Array(2048);
  bytes.set(new TextEncoder().encode('ARM\x64'), 0x38);
  return bytes;
}

function efiProgram(machine: number): Uint8Array {
  const bytes = new Uint8Array(2048);
  const view = new DataView(bytes.buffer);
  bytes.set(new TextEncoder().encode('MZ'), 0);
  bytes.set(new TextEncoder().encode('zimg'), 4);
  view.setUint32(0x3c, 0x80, true);
  bytes.set(new TextEncoder().encode('PE'), 0x80);
  view.setUint16(0x84, machine, true);
  return bytes;
}

function tree(files: Record<string, Uint8Array | string>): MergedTree {
  const made = emptyTree();
  const owner = { mode: 0o644, uid: 0, gid: 0 };
  const additions = Object.entries(files).map(
    ([path, content]): Addition =>
      typeof content === 'string'
        ? { path, type: 'symlink', ...owner, linkname: content }
        : { path, type: 'file', ...owner, content },
  );
  addToTree(made, additions);
  return made;
}

const find = (files: Record<string, Uint8Array | string>, arch: 'amd64' | 'arm64' = 'amd64') =>
  findKernel(tree(files), noStore, arch, 'the base');
const module_ = new Uint8Array(10);

describe('findKernel', () => {
  it.each([
    ['in the module folder', 'usr/lib/modules/6.12.1/vmlinuz'],
    ['in /boot, by version', 'boot/vmlinuz-6.12.1'],
    ['in /boot, the only one', 'boot/vmlinuz'],
  ])('finds the image %s', async (_, path) => {
    const found = await find({ [path]: bzImage('6.12.1'), 'usr/lib/modules/6.12.1/kernel/fs/erofs.ko.xz': module_ });
    expect(found).toMatchObject({ version: '6.12.1', arch: 'amd64', imagePath: path, hasModuleIndex: false });
    expect(found.moduleFiles).toEqual(['kernel/fs/erofs.ko.xz']);
  });

  it("finds Alpine's, by flavour, below /lib", async () => {
    const found = await find({
      'boot/vmlinuz-lts': bzImage('6.6.31-0-lts'),
      'boot/vmlinuz-virt': bzImage('6.6.31-0-virt'),
      'lib/modules/6.6.31-0-lts/modules.dep': module_,
      'lib/modules/6.6.31-0-lts/kernel/a.ko.gz': module_,
    });
    expect(found).toMatchObject({ version: '6.6.31-0-lts', imagePath: 'boot/vmlinuz-lts', hasModuleIndex: true });
  });

  it('cuts out the module folder alone, with the image in it and without links that lead out', async () => {
    const found = await find({
      'boot/vmlinuz-6.12.1': bzImage('6.12.1'),
      'etc/passwd': module_,
      'lib/modules/6.12.1/kernel/a.ko': module_,
      'lib/modules/6.12.1/build': '/usr/src/linux',
    });
    expect([...walkTree(found.tree)].map(({ path }) => path)).toEqual([
      '',
      'usr',
      'usr/lib',
      'usr/lib/modules',
      'usr/lib/modules/6.12.1',
      'usr/lib/modules/6.12.1/kernel',
      'usr/lib/modules/6.12.1/kernel/a.ko',
      'usr/lib/modules/6.12.1/vmlinuz',
    ]);
  });

  it('takes the newest of several that has an image, and says which it passed over', async () => {
    const found = await find({
      'boot/vmlinuz-6.1.0-9-amd64': bzImage('6.1.0-9-amd64'),
      'boot/vmlinuz-6.1.0-10-amd64': bzImage('6.1.0-10-amd64'),
      'usr/lib/modules/6.1.0-9-amd64/kernel/a.ko': module_,
      'usr/lib/modules/6.1.0-10-amd64/kernel/a.ko': module_,
      'usr/lib/modules/6.13.0/kernel/left-behind.ko': module_,
    });
    expect([found.version, found.passedOver]).toEqual(['6.1.0-10-amd64', ['6.1.0-9-amd64']]);
  });

  it('unpacks a gzip image, which UEFI cannot start', async () => {
    const found = await find({ 'usr/lib/modules/6.12.1/vmlinuz': gzipSync(arm64Image()) }, 'arm64');
    expect(found.image).toEqual(new Uint8Array(arm64Image()));
  });

  it('says what it looked for when there is none', async () => {
    await expect(find({ 'etc/passwd': module_ })).rejects.toMatchObject({
      code: 'KERNEL_MISSING',
      message: 'the base has no kernel: there is no folder in /usr/lib/modules or /lib/modules.',
      hint: expect.stringContaining('kernel:'),
    });
    await expect(find({ 'usr/lib/modules/6.12.1/modules.dep': module_ })).rejects.toThrow(/V = 6\.12\.1/);
  });

  it('says why it passed an image over', async () => {
    await expect(
      find({ 'usr/lib/modules/6.12.1/vmlinuz': bzImage('6.12.1', { is64: false }), 'boot/vmlinuz': bzImage('5.0') }),
    ).rejects.toThrow(/vmlinuz: it is a 32-bit x86 kernel; \/boot\/vmlinuz: it is 5\.0/);
  });

  it('says that a kernel is for another machine', async () => {
    await expect(find({ 'usr/lib/modules/6.12.1/vmlinuz': arm64Image() })).rejects.toMatchObject({
      code: 'ARCH_MISMATCH',
      message: expect.stringContaining('is for arm64, the image is for amd64'),
    });
  });

  it('does not take a folder with a name that is no version', async () => {
    await expect(find({ 'usr/lib/modules/--basedir/vmlinuz': bzImage('1') })).rejects.toMatchObject({
      code: 'KERNEL_MISSING',
    });
  });
});

describe('readKernelImage', () => {
  it.each([
    ['bzImage', bzImage('6.1'), 'amd64'],
    ['arm64 Image', arm64Image(), 'arm64'],
    ['EFI zboot for arm64', efiProgram(0xaa64), 'arm64'],
    ['EFI zboot for amd64', efiProgram(0x8664), 'amd64'],
    ['gzip', gzipSync(arm64Image()), 'arm64'],
  ])('knows %s', (_, bytes, arch) => {
    expect(readKernelImage(bytes)).toMatchObject({ kind: 'bootable', arch });
  });

  it.each([
    ['nothing', new Uint8Array(0)],
    ['zeros', new Uint8Array(4096)],
    ['a cut-off gzip', gzipSync(arm64Image()).subarray(0, 20)],
    ['a PE offset beyond the end', efiProgram(0xaa64).fill(0xff, 0x3c, 0x40)],
    ['an EFI program for IA-32', efiProgram(0x14c)],
  ])('refuses %s', (_, bytes) => {
    expect(readKernelImage(bytes).kind).toBe('unusable');
  });
});

describe('newestFirst', () => {
  it('orders numbers as numbers and candidates before releases', () => {
    const versions = ['6.1.0-9-amd64', '6.12.0-rc1', '6.12.0-1', '6.1', '6.1.0-10-amd64', '5.15.0-1-generic'];
    expect(versions.sort(newestFirst)).toEqual([
      '6.12.0-1',
      '6.12.0-rc1',
      '6.1.0-10-amd64',
      '6.1.0-9-amd64',
      '6.1',
      '5.15.0-1-generic',
    ]);
  });
});
