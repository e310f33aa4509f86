import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { folderOf, joinPath, normalizePath, relativePath } from './paths.ts';

describe('paths', () => {
  it.each([
    ['a/b.yaml', 'a'],
    ['b.yaml', '.'],
    ['/b.yaml', '/'],
    ['/a/b.yaml', '/a'],
  ])('the folder of %s is %s', (file, folder) => expect(folderOf(file)).toBe(folder));

  it.each([
    ['a/./b//c/..', 'a/b'],
    ['../a/../..', '../..'],
    ['/../a', '/a'],
    ['', '.'],
    ['a/..', '.'],
  ])('%s is %s', (path, normal) => expect(normalizePath(path)).toBe(normal));

  it.each([
    ['a/b', 'a/c', '../c'],
    ['.', 'a', 'a'],
    ['a', '.', '..'],
    ['/a/b', '/a/b', '.'],
    ['/a', '/', '..'],
    ['../a', '../b', '../b'],
    ['a', '/b', '/b'],
  ])('from %s to %s: %s', (from, to, way) => expect(relativePath(from, to)).toBe(way));

  it('refuses a way it cannot know', () => {
    expect(() => relativePath('/a', 'b')).toThrow(TypeError);
    expect(() => relativePath('../a', 'b')).toThrow(TypeError);
  });

  it('the way from one folder to another leads there', () => {
    const folder = fc
      .array(fc.constantFrom('a', 'b', 'c', '..'), { maxLength: 6 })
      .map((parts) => normalizePath(`/${parts.join('/')}`));
    fc.assert(
      fc.property(folder, folder, (from, to) => {
        expect(joinPath(from, relativePath(from, to))).toBe(to);
      }),
    );
  });
});
