import { mkdir, mkdtemp, readdir, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Tree } from './tree.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bowline-tree-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('a tree', () => {
  it('never leads out of its folder, whatever links it holds', async () => {
    const name = fc.constantFrom('a', 'b', 'c');
    const target = fc.array(fc.constantFrom('a', 'b', 'c', '..', '.', ''), { minLength: 1, maxLength: 5 });
    const links = fc.array(fc.record({ at: name, target, absolute: fc.boolean() }), { maxLength: 3 });
    const path = fc.array(name, { minLength: 1, maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(links, path, async (made, wanted) => {
        const root = join(folder, 'tree');
        await rm(root, { recursive: true, force: true });
        await mkdir(join(root, 'c'), { recursive: true });
        for (const { at, target: to, absolute } of made) {
          const text = `${absolute ? '/' : ''}${to.join('/')}` || '.';
          await symlink(text, join(root, at)).catch(() => undefined);
        }
        const tree = new Tree(root);
        let resolved: string;
        try {
          resolved = await tree.resolve(wanted.join('/'));
        } catch (error) {
          expect(error).toMatchObject({ code: 'STEP_FAILED' });
          return;
        }
        expect(resolved.split('/')).not.toContain('..');
        // No folder of the path is a link, so the kernel goes where the text says.
        const names = resolved.split('/').slice(0, -1);
        for (let count = 1; count <= names.length; count++) {
          const stats = await tree.stat(names.slice(0, count).join('/'));
          expect(stats?.isSymbolicLink() ?? false).toBe(false);
        }
      }),
      { numRuns: 300 },
    );
    expect(await readdir(folder)).toEqual(['tree']);
  });
});
