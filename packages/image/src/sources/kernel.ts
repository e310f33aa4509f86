import type { KernelSource } from '@bowline/spec';
import { findNode, type MergedTree } from '../compose/merged-tree.ts';
import { addFirmware } from './firmware.ts';
import { findKernel } from './kernel/find-kernel.ts';
import { indexModules } from './kernel/module-index.ts';
import { planPart } from './part-of-tree.ts';
import type { SourcePlan } from './pin.ts';
import type { ResolveContext } from './source.ts';

/**
 * Plans `kernel:` from another source than the base: one layer with `usr/lib/modules/<version>/**`, the image in it as `vmlinuz`, the
 * module index made by depmod where it was missing, and the source's own `usr/lib/firmware` where it has one.
 * Throws ImageError KERNEL_MISSING, ARCH_MISMATCH, and what the source throws.
 */
export async function planKernel(wish: Exclude<KernelSource, 'base'>, context: ResolveContext): Promise<SourcePlan> {
  const part = 'debian' in wish ? { debian: { suite: wish.debian.suite, packages: [wish.debian.package] } } : wish;
  const cut = async (tree: MergedTree, origin: string): Promise<MergedTree> => {
    const kernel = await findKernel(tree, context.store, context.arch, origin);
    if (kernel.passedOver.length > 0)
      context.progress.warn(
        `${origin} has several kernels; ${kernel.version} is taken, not ${kernel.passedOver.join(', ')}.`,
      );
    await indexModules(kernel, context);
    // A Debian closure brings firmware only by accident; vendors ship theirs with the kernel.
    if (!('debian' in wish) && findNode(tree, 'usr/lib/firmware', { follow: true }) !== undefined)
      addFirmware(kernel.tree, tree);
    return kernel.tree;
  };
  return planPart('kernel', part, cut, context);
}
