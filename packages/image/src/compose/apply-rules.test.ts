import type { LocalBlobStore } from '@bowline/host';
import { PACKAGE_DATABASES, SOURCE_EPOCH } from '@bowline/os-layout';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { addToTree, applyRootChanges, removeFromTree } from './additions.ts';
import { applyImageRules } from './apply-rules.ts';
import { IMAGE_RULES } from './image-rules.ts';
import { layerOf, type Member, namesOf, openTestStore } from './layer-fixture.ts';
import { mergeLayers } from './merge-layers.ts';
import { findNode, type MergedTree, walkTree } from './merged-tree.ts';
import { readFileFromTree } from './read-tree.ts';

let store: LocalBlobStore;
let close: () => Promise<void>;
beforeEach(async () => {
  ({ store, close } = await openTestStore());
});
afterEach(() => close());

async function image(members: readonly Member[]): Promise<MergedTree> {
  const tree = mergeLayers([await layerOf(store, members)]);
  applyImageRules(tree);
  return tree;
}

const meta = (tree: MergedTree, path: string) => findNode(tree, path, { follow: false })?.node.inode.meta;
const dir = (path: string, mode = 0o755): Member => ({ path, type: 'directory', mode });
const symlink = (path: string, linkname: string): Member => ({ path, type: 'symlink', linkname, mode: 0o777 });

describe('image rules', () => {
  it('an empty root becomes mount points and the files every image has', async () => {
    const tree = await image([]);
    expect(namesOf(tree)).toEqual(
      // biome-ignore format: one name a word
      ['boot/', 'dev/', 'efi/', 'etc/', 'etc/fstab', 'etc/machine-id', 'home/', 'media/', 'mnt/', 'oem/', 'opt/', 'proc/', 'root/',
       'run/', 'srv/', 'sys/', 'tmp/', 'usr/', 'usr/local/', 'var/', 'var/tmp/'],
    );
    expect(meta(tree, 'tmp')?.mode).toBe(0o1777);
    expect(meta(tree, 'var/tmp')?.mode).toBe(0o1777);
    expect(meta(tree, 'proc')?.mode).toBe(0o555);
    expect(meta(tree, 'root')?.mode).toBe(0o700);
    expect(meta(tree, 'etc/machine-id')).toMatchObject({ size: 0, mode: 0o444 });
  });

  it.each([
    'dev/null',
    'proc/1',
    'sys/kernel',
    'run/lock/x',
    'tmp/x',
    'var/tmp/x',
    'boot/vmlinuz-6.1',
    'vmlinuz',
    'initrd.img.old',
    '.dockerenv',
    'etc/.pwd.lock',
    'etc/hostname',
    'etc/ssh/ssh_host_ed25519_key',
    'etc/ssh/ssh_host_rsa_key.pub',
    'var/lib/dbus/machine-id',
    'var/log/journal/0123/system.journal',
  ])('/%s does not get into an image', async (path) => {
    const tree = await image([{ path, content: 'x' }]);
    expect(meta(tree, path)).toBeUndefined();
  });

  it.each([
    'etc/ssh/sshd_config',
    'etc/hosts',
    'var/lib/dpkg/status',
    'boots/x',
    'usr/bin/vmlinuz',
    'var/cache/fontconfig/x',
  ])('/%s stays', async (path) => {
    const tree = await image([{ path, content: 'x' }]);
    expect(Buffer.from((await readFileFromTree(tree, store, path)) ?? []).toString()).toBe('x');
  });

  it('logs keep name, owner and mode and lose their content', async () => {
    const tree = await image([
      { path: 'var/log/apt/term.log', content: 'secret', uid: 4, gid: 5, mode: 0o640 },
      symlink('var/log/x', 'y'),
    ]);
    expect(meta(tree, 'var/log/apt/term.log')).toMatchObject({ size: 0, uid: 4, gid: 5, mode: 0o640, type: 'file' });
    expect(meta(tree, 'var/log/x')?.type).toBe('symlink');
  });

  it('resolv.conf stays when somebody wrote it or linked it, and goes when an engine left it empty', async () => {
    expect(meta(await image([{ path: 'etc/resolv.conf', content: '' }]), 'etc/resolv.conf')).toBeUndefined();
    expect(
      meta(await image([{ path: 'etc/resolv.conf', content: 'nameserver 10.0.0.1\n' }]), 'etc/resolv.conf')?.size,
    ).toBe(20);
    expect(meta(await image([symlink('etc/resolv.conf', '../run/x')]), 'etc/resolv.conf')?.type).toBe('symlink');
  });

  it("a vendor's fstab and machine-id are replaced", async () => {
    const tree = await image([
      { path: 'etc/fstab', content: 'UUID=1 / ext4 defaults 0 1\n' },
      { path: 'etc/machine-id', content: `${'a'.repeat(32)}\n` },
    ]);
    expect(Buffer.from((await readFileFromTree(tree, store, 'etc/fstab')) ?? []).toString()).toMatch(/^# Bowline/);
    expect(meta(tree, 'etc/machine-id')?.size).toBe(0);
  });

  it.each(PACKAGE_DATABASES)('$path moves to $target, a relative link stays', async ({ path, target }) => {
    const tree = await image([{ path: `${path}/data/status`, content: 'db', uid: 3 }]);
    expect(meta(tree, path)).toMatchObject({ type: 'symlink', linkname: `../../${target}` });
    if (path.startsWith('var/lib')) {
      expect(Buffer.from((await readFileFromTree(tree, store, `${path}/data/status`)) ?? []).toString()).toBe('db');
      expect(meta(tree, `${target}/data/status`)?.uid).toBe(3);
    }
  });

  it('a database that the distribution keeps under usr/lib/sysimage itself is left alone', async () => {
    const tree = await image([
      symlink('var/lib/rpm', '../../usr/lib/sysimage/rpm'),
      { path: 'usr/lib/sysimage/rpm/rpmdb.sqlite', content: 'db' },
    ]);
    expect(meta(tree, 'var/lib/rpm')?.linkname).toBe('../../usr/lib/sysimage/rpm');
    expect(meta(tree, 'usr/lib/sysimage/rpm/rpmdb.sqlite')?.size).toBe(2);
  });

  it('times beyond the epoch of the source and before 1970 are clamped, attributes that squashfs cannot hold left out', async () => {
    const xattrs = {
      'security.capability': '\x01',
      'user.a': 'b',
      'system.posix_acl_access': 'acl',
      'trusted.overlay.opaque': 'y',
      'com.apple.x': '1',
    };
    const tree = await image([
      { path: 'a', mtime: SOURCE_EPOCH + 5, xattrs },
      { path: 'b', mtime: -3 },
      { path: 'c', mtime: 77 },
    ]);
    expect(meta(tree, 'a')?.mtime).toBe(SOURCE_EPOCH);
    expect({ ...meta(tree, 'a')?.xattrs }).toEqual({ 'security.capability': '\x01', 'user.a': 'b' });
    expect(meta(tree, 'b')?.mtime).toBe(0);
    expect(meta(tree, 'c')?.mtime).toBe(77);
    for (const { node } of walkTree(tree)) expect(node.inode.meta.mtime).toBeLessThanOrEqual(SOURCE_EPOCH);
  });

  it('the root is 0755 and owned by root whatever a layer says', async () => {
    const tree = await image([{ path: '', type: 'directory', mode: 0o700, uid: 5, gid: 5 }]);
    expect(tree.root.inode.meta).toMatchObject({ mode: 0o755, uid: 0, gid: 0 });
  });

  it('mount points may be links to folders; links to nowhere and files make room', async () => {
    const tree = await image([
      dir('var/home'),
      symlink('home', 'var/home'),
      symlink('srv', 'nowhere'),
      { path: 'opt', content: 'x' },
      symlink('tmp', '/etc'),
    ]);
    expect(meta(tree, 'home')?.type).toBe('symlink');
    expect(meta(tree, 'srv')?.type).toBe('directory');
    expect(meta(tree, 'opt')?.type).toBe('directory');
    expect(meta(tree, 'tmp')).toMatchObject({ type: 'directory', mode: 0o1777 });
  });

  it('applied twice change nothing more', async () => {
    const tree = await image([
      { path: 'var/lib/dpkg/status', content: 'x' },
      { path: 'var/log/a', content: 'y' },
    ]);
    const before = namesOf(tree);
    applyImageRules(tree);
    expect(namesOf(tree)).toEqual(before);
  });

  it('name only relative paths without ".."', () => {
    const paths = [
      ...IMAGE_RULES.removed,
      ...IMAGE_RULES.truncated,
      ...[...IMAGE_RULES.emptied, ...IMAGE_RULES.written, ...IMAGE_RULES.mountPoints].map(({ path }) => path),
    ];
    for (const path of paths) expect(path).toMatch(/^(?!\/)(?!.*\.\.)[^\0]+$/);
  });
});

describe('additions', () => {
  it('win over layers and rules, follow links inside the tree, and keep folders that are there', async () => {
    const tree = await image([
      { path: 'usr/lib/systemd/x' },
      symlink('lib', 'usr/lib'),
      { path: 'etc/hostname', content: 'old' },
    ]);
    addToTree(tree, [
      { path: '/etc/hostname', type: 'file', mode: 0o644, uid: 0, gid: 0, content: Buffer.from('new\n') },
      { path: 'lib/systemd/y', type: 'file', mode: 0o755, uid: 1, gid: 2 },
      { path: 'lib', type: 'directory', mode: 0o700, uid: 9, gid: 9 },
      { path: 'etc/link', type: 'symlink', mode: 0o777, uid: 0, gid: 0, linkname: 'hostname' },
    ]);
    expect(Buffer.from((await readFileFromTree(tree, store, 'etc/link')) ?? []).toString()).toBe('new\n');
    expect(meta(tree, 'usr/lib/systemd/y')).toMatchObject({
      mode: 0o755,
      uid: 1,
      gid: 2,
      size: 0,
      mtime: SOURCE_EPOCH,
    });
    expect(meta(tree, 'lib')?.type).toBe('symlink');
  });

  it('with impossible paths are refused', async () => {
    const tree = await image([]);
    expect(() => addToTree(tree, [{ path: '../x', type: 'file', mode: 0o644, uid: 0, gid: 0 }])).toThrow(
      /"\.\." component/,
    );
    expect(() => addToTree(tree, [{ path: 'x', type: 'symlink', mode: 0o777, uid: 0, gid: 0 }])).toThrow(
      /target that is empty/,
    );
  });

  it('of configuration are taken as UTF-8, and may remove', async () => {
    const tree = await image([{ path: 'etc/gone/deep/x' }]);
    applyRootChanges(tree, [
      { kind: 'file', path: 'etc/caf\u00e9', content: Buffer.from('x'), mode: 0o600, uid: 0, gid: 0 },
      { kind: 'symlink', path: 'etc/l', target: '\u00e9', uid: 0, gid: 0 },
      { kind: 'directory', path: 'etc/d', mode: 0o711, uid: 0, gid: 0 },
      { kind: 'remove', path: 'etc/gone' },
      { kind: 'remove', path: 'etc/never' },
    ]);
    expect(meta(tree, 'etc/caf\xc3\xa9')?.mode).toBe(0o600);
    expect(meta(tree, 'etc/l')?.linkname).toBe('\xc3\xa9');
    expect(meta(tree, 'etc/d')?.mode).toBe(0o711);
    expect(meta(tree, 'etc/gone')).toBeUndefined();
    removeFromTree(tree, '');
    expect(tree.root.children?.size).toBeGreaterThan(5);
  });
});
