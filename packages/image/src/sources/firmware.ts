import type { FirmwareSource } from '@bowline/spec';
import { addToTree } from '../compose/additions.ts';
import { emptyTree, findNode, type MergedTree, type TreeNode } from '../compose/merged-tree.ts';
import { ImageError } from '../error.ts';
import { planPart } from './part-of-tree.ts';
import type { SourcePlan } from './pin.ts';
import type { ResolveContext } from './source.ts';

const TARGET = 'usr/lib/firmware';
/** A root that did not merge /usr has the second. */
const FIRMWARE_ROOTS = [TARGET, 'lib/firmware'] as const;

/**
 * Plans one entry of `firmware:`: one layer with `usr/lib/firmware/**` of the source.
 * Throws ImageError SOURCE_MISSING when it has none, and what the source throws.
 */
export async function planFirmware(wish: FirmwareSource, context: ResolveContext): Promise<SourcePlan> {
  const cut = async (tree: MergedTree, origin: string): Promise<MergedTree> => {
    const part = emptyTree();
    if (addFirmware(part, tree)) return part;
    throw new ImageError({
      code: 'SOURCE_MISSING',
      message: `${origin} has no firmware: /usr/lib/firmware and /lib/firmware are missing or empty.`,
      hint: 'Name the packages that hold the files, such as firmware-linux-free; a meta package depends on them.',
    });
  };
  return planPart('firmware', wish, cut, context);
}

/** Puts the firmware of a root into another tree; nodes are shared. False when the root has none. */
export function addFirmware(into: MergedTree, from: MergedTree): boolean {
  let found = false;
  for (const root of FIRMWARE_ROOTS) {
    const source = findNode(from, root, { follow: true })?.node.children;
    if (source === undefined || source.size === 0) continue;
    addToTree(into, [{ path: TARGET, type: 'directory', mode: 0o755, uid: 0, gid: 0 }]);
    const target = findNode(into, TARGET, { follow: false })?.node.children;
    if (target !== undefined) mergeChildren(target, source);
    found = true;
  }
  return found;
}

function mergeChildren(target: Map<string, TreeNode>, source: ReadonlyMap<string, TreeNode>): void {
  for (const [name, child] of source) {
    const existing = target.get(name);
    if (existing?.children !== undefined && child.children !== undefined)
      mergeChildren(existing.children, child.children);
    else if (existing === undefined) target.set(name, copyNode(child));
  }
}

function copyNode(node: TreeNode): TreeNode {
  if (node.children === undefined) return { ...node };
  return { ...node, children: new Map([...node.children].map(([name, child]) => [name, copyNode(child)])) };
}
