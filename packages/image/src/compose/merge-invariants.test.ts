import { type IndexedEntry, NO_XATTRS, TarParser } from '@bowline/formats';
import type { LocalBlobStore } from '@bowline/host';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ImageError } from '../error.ts';
import { applyImageRules } from './apply-rules.ts';
import { emitTar } from './emit-tar.ts';
import { openTestStore } from './layer-fixture.ts';
import { type LayerInput, mergeLayers } from './merge-layers.ts';
import { findNode, type MergedTree } from './merged-tree.ts';

let store: LocalBlobStore;
let close: () => Promise<void>;
beforeAll(async () => {
  ({ store, close } = await openTestStore());
});
afterAll(() => close());

// Few names, so that layers meet: folders become links, links become files, files become folders.
const name = fc.constantFrom('a', 'b', 'c', 'usr', 'lib', '.wh.a', '.wh.b', '.wh.lib', '.wh..wh..opq');
const plainName = fc.constantFrom('a', 'b', 'c', 'usr', 'lib');
const path = fc
  .tuple(fc.array(plainName, { maxLength: 3 }), name)
  .map(([folders, last]) => [...folders, last].join('/'));
const target = fc.oneof(
  fc.array(fc.oneof(plainName, fc.constant('..')), { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/')),
  fc.array(plainName, { minLength: 1, maxLength: 3 }).map((parts) => `/${parts.join('/')}`),
);
const entry: fc.Arbitrary<IndexedEntry> = fc
  .record({
    path,
    type: fc.constantFrom(
      ...(['file', 'file', 'file', 'directory', 'directory', 'symlink', 'symlink', 'hardlink', 'fifo'] as const),
    ),
    mode: fc.integer({ min: 0, max: 0o7777 }),
    linkname: target,
  })
  .map((fields) => ({
    ...fields,
    linkname:
      fields.type === 'symlink'
        ? fields.linkname
        : fields.type === 'hardlink'
          ? fields.linkname
              .split('/')
              .filter((part) => part !== '' && part !== '..')
              .join('/') || 'a'
          : '',
    uid: 0,
    gid: 0,
    size: 0,
    mtime: 1,
    deviceMajor: 0,
    deviceMinor: 0,
    xattrs: NO_XATTRS,
    offset: 0,
    storedSize: 0,
  }));
const layers = fc.array(fc.record({ entries: fc.array(entry, { maxLength: 12 }), foreign: fc.boolean() }), {
  minLength: 1,
  maxLength: 4,
});

function merge(inputs: { entries: IndexedEntry[]; foreign: boolean }[]): MergedTree | undefined {
  const layer = { diffId: `sha256:${'0'.repeat(64)}`, size: 0, origin: 'random' } as const;
  try {
    return mergeLayers(inputs.map((input): LayerInput => ({ layer, ...input })));
  } catch (error) {
    expect(error).toBeInstanceOf(ImageError);
    return undefined;
  }
}

async function emitted(tree: MergedTree): Promise<IndexedEntry[]> {
  const parser = new TarParser();
  const entries: IndexedEntry[] = [];
  for await (const chunk of emitTar(tree, store)) entries.push(...parser.push(chunk));
  parser.finish();
  return entries;
}

/** What sqfstar and every unpacker need: no name twice, folders before what is in them, links after their targets. */
function checkOrder(entries: readonly IndexedEntry[]): void {
  const seen = new Map<string, IndexedEntry>();
  for (const found of entries) {
    expect(seen.has(found.path)).toBe(false);
    const slash = found.path.lastIndexOf('/');
    if (slash >= 0) expect(seen.get(found.path.slice(0, slash))?.type).toBe('directory');
    if (found.type === 'hardlink') expect(seen.get(found.linkname)?.type).not.toBe(undefined);
    if (found.type === 'hardlink') expect(['file', 'symlink', 'fifo']).toContain(seen.get(found.linkname)?.type);
    seen.set(found.path, found);
  }
}

describe('any layers', () => {
  it('are refused with a reason, or give an archive that can be unpacked from front to back', async () => {
    let tried = 0;
    let merged = 0;
    await fc.assert(
      fc.asyncProperty(layers, async (inputs) => {
        const tree = merge(inputs);
        tried++;
        if (tree === undefined) return;
        merged++;
        checkOrder(await emitted(tree));
        applyImageRules(tree);
        checkOrder(await emitted(tree));
      }),
      { numRuns: 800 },
    );
    // Else the property would prove nothing.
    expect(merged / tried).toBeGreaterThan(0.2);
  });

  it('leave no whiteout behind, and give the same archive twice', async () => {
    await fc.assert(
      fc.asyncProperty(layers, async (inputs) => {
        const tree = merge(inputs);
        if (tree === undefined) return;
        const entries = await emitted(tree);
        for (const found of entries) expect(found.path).not.toMatch(/(^|\/)\.wh\./);
        expect(await emitted(merge(inputs) as MergedTree)).toEqual(entries);
      }),
      { numRuns: 300 },
    );
  });

  it('a layer of folders and files alone is found again under every one of its names, the last of each winning', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.array(plainName, { minLength: 1, maxLength: 4 }), fc.nat(0o777)), { maxLength: 20 }),
        (list) => {
          const entries = list.map(([parts, mode]) => ({ ...emptyFile, path: parts.join('/'), mode }));
          const tree = merge([{ entries, foreign: false }]) as MergedTree;
          // What a later entry needs as a folder is no file any more, and the other way round.
          const expected = new Map<string, number>();
          for (const { path: full, mode } of entries) {
            for (const known of expected.keys()) {
              if (full.startsWith(`${known}/`) || known.startsWith(`${full}/`)) expected.delete(known);
            }
            expected.set(full, mode);
          }
          for (const [full, mode] of expected) {
            expect(findNode(tree, full, { follow: false })?.node.inode.meta).toMatchObject({ type: 'file', mode });
          }
        },
      ),
    );
  });
});

const emptyFile: IndexedEntry = {
  path: '',
  type: 'file',
  mode: 0,
  uid: 0,
  gid: 0,
  size: 0,
  mtime: 1,
  linkname: '',
  deviceMajor: 0,
  deviceMinor: 0,
  xattrs: NO_XATTRS,
  offset: 0,
  storedSize: 0,
};
