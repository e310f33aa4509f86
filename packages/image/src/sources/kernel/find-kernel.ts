import { type BytePath, displayPath } from '@bowline/formats';
import type { BlobStore } from '@bowline/host';
import type { Arch } from '@bowline/spec';
import { addToTree } from '../../compose/additions.ts';
import { emptyTree, findNode, type MergedTree, type TreeNode, walkTree } from '../../compose/merged-tree.ts';
import { listTree, readFileFromTree } from '../../compose/read-tree.ts';
import { ImageError } from '../../error.ts';
import { readKernelImage } from './kernel-image.ts';
import { newestFirst } from './kernel-version.ts';

/** Where module folders are; a base that did not merge /usr has the second. */
const MODULE_ROOTS = ['usr/lib/modules', 'lib/modules'] as const;

/** What `uname -r` can be; anything else in the folder is no kernel. */
const VERSION = /^[0-9][0-9A-Za-z._+~-]{0,127}$/;

/** A kernel and its modules, cut out of a root. */
export interface FoundKernel {
  /** As `uname -r` says. */
  version: string;
  arch: Arch;
  /** The image UEFI starts, never gzip. */
  image: Uint8Array;
  /** Where the image was in the root. */
  imagePath: BytePath;
  /** Only `usr/lib/modules/<version>/**`, the image as `vmlinuz` in it; shares its files with the root. */
  tree: MergedTree;
  /** Paths of the modules (`*.ko`, `.ko.xz`, `.ko.zst`, `.ko.gz`), relative to the module folder. */
  moduleFiles: readonly BytePath[];
  /** False when depmod has not run: `modules.dep` is missing. */
  hasModuleIndex: boolean;
  /** Older kernels of the same root, which were passed over. */
  passedOver: readonly string[];
}

/**
 * Finds the kernel of a root: `usr/lib/modules/<version>/` with its image in it, or in `/boot`. Of several the newest is taken.
 * Throws ImageError KERNEL_MISSING (with what was looked for) and ARCH_MISMATCH.
 */
export async function findKernel(tree: MergedTree, store: BlobStore, arch: Arch, origin: string): Promise<FoundKernel> {
  const folders = moduleFolders(tree);
  const versions = [...folders.keys()].sort(newestFirst);
  const tried: string[] = [];
  let foreign: { path: BytePath; arch: Arch } | undefined;
  for (const [index, version] of versions.entries()) {
    const folder = folders.get(version) ?? '';
    for (const path of imageCandidates(tree, folder, version, versions.length === 1)) {
      const bytes = await readFileFromTree(tree, store, path);
      if (bytes === undefined) continue;
      const image = readKernelImage(bytes);
      if (image.kind === 'unusable') tried.push(`/${displayPath(path)}: ${image.why}`);
      else if (image.arch !== arch) foreign = { path, arch: image.arch };
      else if (image.version !== undefined && image.version !== version)
        tried.push(`/${displayPath(path)}: it is ${image.version}`);
      else {
        const cut = cutOut(tree, folder, version, image.image);
        return { version, arch, image: image.image, imagePath: path, ...cut, passedOver: versions.slice(index + 1) };
      }
    }
  }
  if (foreign !== undefined)
    throw new ImageError({
      code: 'ARCH_MISMATCH',
      message: `The kernel /${displayPath(foreign.path)} of ${origin} is for ${foreign.arch}, the image is for ${arch}.`,
      hint: `Choose a base for ${arch}, or a kernel for it with kernel:.`,
    });
  throw kernelMissing(origin, versions, tried);
}

/** Version to the real path of its folder. A folder without modules and image (left by an uninstall) counts too. */
function moduleFolders(tree: MergedTree): Map<string, BytePath> {
  const found = new Map<string, BytePath>();
  for (const root of MODULE_ROOTS) {
    for (const { name, type } of listTree(tree, root)) {
      const real = findNode(tree, `${root}/${name}`, { follow: false });
      if (type === 'directory' && VERSION.test(name) && real !== undefined && !found.has(name))
        found.set(name, real.path);
    }
  }
  return found;
}

/** Where distributions put the image of a version, the surest first. */
function imageCandidates(tree: MergedTree, folder: BytePath, version: string, isOnly: boolean): BytePath[] {
  const boot = listTree(tree, 'boot').map(({ name }) => name);
  // Alpine calls the image of 6.6.31-0-lts vmlinuz-lts.
  const flavours = boot.filter((name) => {
    const flavour = /^(?:vmlinuz|Image)-([a-z][a-z0-9-]*)$/.exec(name)?.[1];
    return flavour !== undefined && version.endsWith(`-${flavour}`);
  });
  const names = ['vmlinuz', 'Image', 'bzImage', 'Image.gz'];
  return [
    ...names.map((name) => `${folder}/${name}`),
    ...['vmlinuz', 'Image', 'kernel', 'vmlinux'].map((name) => `boot/${name}-${version}`),
    ...flavours.map((name) => `boot/${name}`),
    ...(isOnly ? [...names.map((name) => `boot/${name}`), 'vmlinuz'] : []),
  ];
}

/** A tree of the module folder alone. Nodes are shared, not copied, except along the way to what is added. */
function cutOut(
  tree: MergedTree,
  folder: BytePath,
  version: string,
  image: Uint8Array,
): Pick<FoundKernel, 'tree' | 'moduleFiles' | 'hasModuleIndex'> {
  const source = findNode(tree, folder, { follow: false })?.node;
  const cut = emptyTree();
  const target = `usr/lib/modules/${version}`;
  addToTree(cut, [
    { path: target, type: 'directory', mode: 0o755, uid: 0, gid: 0 },
    { path: `${target}/vmlinuz`, type: 'file', mode: 0o644, uid: 0, gid: 0, content: image },
  ]);
  const into = findNode(cut, target, { follow: false })?.node;
  for (const [name, child] of source?.children ?? []) {
    // Links to headers and the like lead out of the folder; another name of the image would be a second copy.
    if (name === 'build' || name === 'source' || name === 'vmlinuz') continue;
    into?.children?.set(name, copyNode(child));
  }
  const moduleFiles: BytePath[] = [];
  for (const { path, node } of walkTree(cut))
    if (node.inode.meta.type === 'file' && /\.ko(\.(xz|zst|gz))?$/.test(path))
      moduleFiles.push(path.slice(target.length + 1));
  const hasModuleIndex = findNode(cut, `${target}/modules.dep`, { follow: true }) !== undefined;
  return { tree: cut, moduleFiles, hasModuleIndex };
}

function copyNode(node: TreeNode): TreeNode {
  if (node.children === undefined) return { ...node };
  return { ...node, children: new Map([...node.children].map(([name, child]) => [name, copyNode(child)])) };
}

function kernelMissing(origin: string, versions: readonly string[], tried: readonly string[]): ImageError {
  const looked =
    versions.length === 0
      ? `there is no folder in ${MODULE_ROOTS.map((root) => `/${root}`).join(' or ')}`
      : `looked for /usr/lib/modules/V/vmlinuz, /boot/vmlinuz-V and /boot/Image-V, for V = ${versions.join(', ')}`;
  return new ImageError({
    code: 'KERNEL_MISSING',
    message: `${origin} has no kernel: ${looked}${tried.length === 0 ? '' : `; passed over ${tried.join('; ')}`}.`,
    hint: 'Container images have none: add one with kernel:, such as kernel: {debian: {suite: trixie, package: linux-image-amd64}}.',
    details: { versions, passedOver: tried },
  });
}
