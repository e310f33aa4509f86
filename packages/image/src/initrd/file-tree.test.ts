import { type IndexedEntry, NO_XATTRS, type TarEntryType } from '@bowline/formats';
import { describe, expect, it } from 'vitest';
import { FileTree } from './file-tree.ts';

function member(path: string, type: TarEntryType, linkname = ''): IndexedEntry {
  const numbers = { mode: 0o644, uid: 0, gid: 0, size: 0, mtime: 0, deviceMajor: 0, deviceMinor: 0 };
  return { path, type, linkname, ...numbers, xattrs: NO_XATTRS, offset: 0, storedSize: 0 };
}

const tree = new FileTree({
  entries: [
    member('usr', 'directory'),
    member('usr/lib', 'directory'),
    member('usr/lib/x86', 'directory'),
    member('usr/lib/x86/libc.so.6', 'file'),
    member('usr/lib64', 'directory'),
    member('usr/lib64/ld.so', 'symlink', '../lib/x86/libc.so.6'),
    member('lib/modules', 'directory'),
    member('lib/modules/6.1/a.ko', 'file'),
    member('usr/bin', 'directory'),
    member('usr/bin/dash', 'file'),
    member('usr/bin/sh', 'symlink', '/bin/dash'),
    member('usr/bin/rbash', 'hardlink', 'usr/bin/dash'),
    member('usr/bin/loop', 'symlink', 'loop'),
    member('usr/bin/out', 'symlink', '../../../../usr/bin/dash'),
    member('usr/bin/dangling', 'symlink', 'nothing'),
  ],
  read: async (entry) => new TextEncoder().encode(entry.path),
});
const text = async (path: string): Promise<string> => tree.readText(path);

describe('file tree', () => {
  it('follows relative, absolute and hard links inside the tree', async () => {
    expect(await text('usr/lib64/ld.so')).toBe('usr/lib/x86/libc.so.6');
    expect(await text('bin/sh')).toBe('usr/bin/dash');
    expect(await text('usr/bin/rbash')).toBe('usr/bin/dash');
    expect(await text('usr/bin/out')).toBe('usr/bin/dash');
  });

  it('finds files of unmerged roots below usr', async () => {
    expect(await text('usr/lib/modules/6.1/a.ko')).toBe('lib/modules/6.1/a.ko');
    expect(tree.below('usr/lib/modules')).toEqual(['usr/lib/modules/6.1/a.ko']);
  });

  it('answers with nothing for loops, dangling links and folders', async () => {
    expect(await tree.read('usr/bin/loop')).toBeUndefined();
    expect(await tree.read('usr/bin/dangling')).toBeUndefined();
    expect(await tree.read('usr/lib')).toBeUndefined();
  });
});
