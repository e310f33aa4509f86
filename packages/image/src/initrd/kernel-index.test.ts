import { describe, expect, it } from 'vitest';
import { missingModules, parseKernelIndex, selectModules } from './kernel-index.ts';

const index = parseKernelIndex({
  dep: [
    'kernel/fs/erofs/erofs.ko.xz: kernel/lib/xxhash.ko.xz',
    'kernel/lib/xxhash.ko.xz:',
    'kernel/crypto/crc32c_generic.ko.zst:',
    'kernel/arch/x86/crypto/crc32c-intel.ko:',
    'kernel/drivers/md/dm-verity.ko.gz: kernel/drivers/md/dm-mod.ko.gz',
    'kernel/drivers/md/dm-mod.ko.gz:',
    'kernel/net/unwanted.ko.xz:',
    '',
  ].join('\n'),
  alias: [
    'alias crypto-crc32c crc32c_generic',
    'alias crypto-crc32c crc32c_intel',
    'alias pci:v00001AF4d*sv*sd*bc*sc*i* virtio_pci',
  ].join('\n'),
  softdep: 'softdep erofs pre: crypto-crc32c\nsoftdep dm_verity post: nowhere\n',
  builtin: 'kernel/fs/ext4/ext4.ko\nkernel/fs/overlayfs/overlay.ko\n',
  builtinModinfo: 'squashfs.license=GPL\0squashfs.file=fs/squashfs/squashfs\0',
});

describe('choosing kernel modules', () => {
  it('follows hard dependencies, and soft ones through aliases to every implementation', () => {
    expect(selectModules(index, ['erofs'])).toEqual([
      'kernel/arch/x86/crypto/crc32c-intel.ko',
      'kernel/crypto/crc32c_generic.ko.zst',
      'kernel/fs/erofs/erofs.ko.xz',
      'kernel/lib/xxhash.ko.xz',
    ]);
  });

  it('takes hyphens for underscores and passes over what the kernel does not have', () => {
    expect(selectModules(index, ['dm_verity', 'no_such_module', 'ext4'])).toEqual([
      'kernel/drivers/md/dm-mod.ko.gz',
      'kernel/drivers/md/dm-verity.ko.gz',
    ]);
  });

  it('counts built-in code as present, by either list', () => {
    expect(missingModules(index, ['dm-verity', 'ext4', 'overlay', 'squashfs'])).toEqual([]);
    expect(missingModules(index, ['ext4', 'btrfs', 'dm-crypt'])).toEqual(['btrfs', 'dm_crypt']);
  });

  it('ends when modules depend on each other in a circle', () => {
    const circle = parseKernelIndex({
      dep: 'kernel/a.ko: kernel/b.ko\nkernel/b.ko: kernel/a.ko\n',
      alias: 'alias a b\nalias b a\n',
      softdep: 'softdep a pre: b\n',
      builtin: '',
      builtinModinfo: '',
    });
    expect(selectModules(circle, ['a'])).toEqual(['kernel/a.ko', 'kernel/b.ko']);
  });
});
