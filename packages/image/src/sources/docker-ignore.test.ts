import { describe, expect, it } from 'vitest';
import { parseDockerIgnore } from './docker-ignore.ts';

const ignored = (text: string, path: string) => parseDockerIgnore(text).isIgnored(path);

describe('parseDockerIgnore', () => {
  it.each([
    ['*.md', 'readme.md', true],
    ['*.md', 'docs/readme.md', false],
    ['**/*.md', 'docs/deep/readme.md', true],
    ['**/*.md', 'readme.md', true],
    ['/out', 'out/image.raw', true],
    ['out/', 'out/image.raw', true],
    ['./out', 'out', true],
    ['a/../out', 'out', true],
    ['out', 'outer', false],
    ['temp?', 'temp1', true],
    ['temp?', 'temp', false],
    ['[ab].txt', 'a.txt', true],
    ['[^ab].txt', 'a.txt', false],
    ['docs/**', 'docs/a/b', true],
    ['docs/**', 'docs', false],
    ['a.b', 'axb', false],
    ['# out', 'out', false],
    ['[z-a]', 'z', false],
  ])('%s on %s: %s', (pattern, path, expected) => {
    expect(ignored(pattern, path)).toBe(expected);
  });

  it('lets the last rule win', () => {
    const text = 'docs\n!docs/keep.md\n';
    expect(ignored(text, 'docs/drop.md')).toBe(true);
    expect(ignored(text, 'docs/keep.md')).toBe(false);
    expect(ignored(`${text}docs/keep*`, 'docs/keep.md')).toBe(true);
    expect(parseDockerIgnore(text).hasExceptions).toBe(true);
  });

  it('ignores nothing when empty', () => {
    expect(ignored('\n \n', 'x')).toBe(false);
  });
});
