import { link, mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { LocalBlobStore, nodeHost, type TaskProgress, withScratchFolder } from '@bowline/host';
import type { Arch } from '@bowline/spec';
import { type DebianTreeSpec, runMmdebstrap } from '../packages/image/src/toolbox/debian-tree.ts';

/** Names differ by architecture only where the firmware does. */
const PACKAGES: Record<Arch, readonly string[]> = {
  amd64: ['linux-image-amd64', 'shim-signed', 'grub-efi-amd64-signed'],
  arm64: ['linux-image-arm64', 'shim-signed', 'grub-efi-arm64-signed'],
};
const SERVER =
  'systemd systemd-sysv udev dbus kmod openssh-server containerd runc cloud-init python3 iproute2 nftables ca-certificates';

/** `installed` runs the packages' scripts; `extracted` only unpacks them, which works for any architecture. */
export type BaseKind = 'installed' | 'extracted';

const VARIANTS = { installed: 'minbase', extracted: 'extract' } as const satisfies Record<
  BaseKind,
  DebianTreeSpec['variant']
>;

export const silent: TaskProgress = {
  task: <T>(_title: string, work: (task: TaskProgress) => Promise<T>) => work(silent),
  warn: () => undefined,
  bytes: () => undefined,
  note: () => undefined,
};

/** A Debian tree as a plain tar in the bench's folder, made once; needs the network then. */
export async function treeTar(folder: string, name: string, spec: DebianTreeSpec): Promise<string> {
  const path = join(folder, name);
  if (await exists(path)) return path;
  await mkdir(folder, { recursive: true });
  const store = await LocalBlobStore.open(join(folder, 'store'));
  await withScratchFolder(join(folder, 'scratch'), async (scratch) => {
    const context = { host: nodeHost(), store, scratch, progress: silent, signal: new AbortController().signal };
    const { layer } = await runMmdebstrap(spec, context);
    await link(await store.path(layer.diffId), path);
    await store.remove(layer.diffId);
  });
  return path;
}

/** The base that everything starts from: a server with kernel, all modules, SSH, containerd, cloud-init and Python. */
export function baseTar(folder: string, arch: Arch, kind: BaseKind): Promise<string> {
  const include = [...SERVER.split(' '), ...PACKAGES[arch]];
  const spec = { suite: 'trixie', arch, variant: VARIANTS[kind], include, excludeDocs: false } as const;
  return treeTar(folder, `base-${arch}-${kind}.tar`, spec);
}

export async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
