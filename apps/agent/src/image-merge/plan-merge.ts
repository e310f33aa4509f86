import { parentOf, sameOwner, type Tree, type TreeEntry } from './tree-entry.ts';

/** One change of the state. */
export type MergeAction =
  /** Takes the image's; of a folder with all that is below it. */
  | { kind: 'add'; path: string }
  | { kind: 'replace'; path: string }
  /** Owner and permissions of a folder or file that stays. */
  | { kind: 'own'; path: string; entry: TreeEntry }
  /** A folder is removed only when it is empty. */
  | { kind: 'remove'; path: string; folder: boolean };

/** What is to be done, and what was left to the machine. */
export interface MergePlan {
  actions: MergeAction[];
  /** Paths that the image changed and this machine had changed before. */
  kept: string[];
}

/** The three sides of a merge. */
export interface MergeSides {
  /** What the image before this one delivered; undefined when nobody knows: then nothing but what is missing is added. */
  base: Tree | undefined;
  /** What this image delivers, with contents where they are known. */
  theirs: Tree;
  /** What is on the state now: one name of it. */
  ours: (path: string) => Promise<TreeEntry | undefined>;
  /** sha256 of a file on the state, in hex. */
  hashOurs: (path: string) => Promise<string>;
}

/**
 * Compares what the last image delivered, what this one delivers and what is there: what nobody changed follows the image, what
 * was changed or removed on the machine stays so. Nothing is written.
 */
export async function planMerge(sides: MergeSides): Promise<MergePlan> {
  const plan: MergePlan = { actions: [], kept: [] };
  const added = new Set<string>();
  for (const [path, theirs] of sides.theirs) {
    // It comes with the folder above.
    if (added.has(parentOf(path))) {
      if (theirs.type === 'folder') added.add(path);
      continue;
    }
    if (theirs.type === 'other') continue;
    const ours = await sides.ours(path);
    const base = sides.base?.get(path);
    if (ours === undefined) {
      // What an image had before and the machine has no longer, it removed.
      if (base !== undefined) continue;
      plan.actions.push({ kind: 'add', path });
      if (theirs.type === 'folder') added.add(path);
    } else {
      await mergeOne(plan, sides, path, { base, theirs, ours });
      if (theirs.type === 'folder' && plan.actions.at(-1)?.path === path && ours.type !== 'folder') added.add(path);
    }
  }
  await planRemovals(plan, sides);
  return plan;
}

async function mergeOne(
  plan: MergePlan,
  sides: MergeSides,
  path: string,
  { base, theirs, ours }: { base: TreeEntry | undefined; theirs: TreeEntry; ours: TreeEntry },
): Promise<void> {
  const isFolder = theirs.type === 'folder' && ours.type === 'folder';
  if (!isFolder && !(base !== undefined && sameContent(base, theirs))) {
    if (await isSame(sides, path, ours, theirs)) return;
    if (base !== undefined && base.type !== 'folder' && (await isSame(sides, path, ours, base))) {
      plan.actions.push({ kind: 'replace', path });
    } else {
      plan.kept.push(path);
    }
    return;
  }
  if (ours.type !== theirs.type || ours.type === 'link' || base === undefined) return;
  if (!sameOwner(base, theirs) && sameOwner(base, ours)) plan.actions.push({ kind: 'own', path, entry: theirs });
}

/** Deepest first, so that folders are empty when their turn comes. */
async function planRemovals(plan: MergePlan, sides: MergeSides): Promise<void> {
  for (const [path, base] of [...(sides.base ?? [])].toReversed()) {
    if (sides.theirs.has(path) || base.type === 'other') continue;
    const ours = await sides.ours(path);
    if (ours === undefined || ours.type !== base.type) continue;
    if (base.type === 'folder') plan.actions.push({ kind: 'remove', path, folder: true });
    else if (await isSame(sides, path, ours, base)) plan.actions.push({ kind: 'remove', path, folder: false });
    else plan.kept.push(path);
  }
}

/** The same in two images. Times say nothing: all files of all images have the same. Unknown contents count as different. */
function sameContent(a: TreeEntry, b: TreeEntry): boolean {
  return (
    a.type === b.type && a.size === b.size && (a.type === 'folder' || (a.content !== '' && a.content === b.content))
  );
}

/** What is on the state is what an image delivered: by its time, which copying keeps, else by its content. */
async function isSame(sides: MergeSides, path: string, ours: TreeEntry, other: TreeEntry): Promise<boolean> {
  if (ours.type !== other.type || ours.size !== other.size) return false;
  if (ours.type !== 'file') return ours.content === other.content;
  if (ours.mtime === other.mtime && other !== sides.theirs.get(path)) return true;
  return other.content !== '' && (await sides.hashOurs(path)) === other.content;
}
