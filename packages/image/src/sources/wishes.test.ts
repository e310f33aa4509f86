import { describe, expect, it } from 'vitest';
import { dockerfileWish, hasRunStep } from './dockerfile.ts';
import { parseMirrors } from './open-image.ts';
import { rootfsPath } from './rootfs.ts';

describe('a Dockerfile', () => {
  it.each([
    ['FROM scratch\nCOPY a /a\n', false],
    ['FROM scratch\nRUN ["/a"]\n', true],
    ['FROM x\n  run apt-get update\n', true],
    ['FROM x\nONBUILD RUN make\n', true],
    ['FROM x\nRUN <<EOF\nmake\nEOF\n', true],
    ['FROM x\n# RUN nothing\nCOPY RUN /RUN\nENV RUNNER=1\n', false],
  ])('executes something: %#', (text, expected) => {
    expect(hasRunStep(text)).toBe(expected);
  });

  it('written as a path alone has the folder of the bowl as context and buildah as engine', () => {
    expect(dockerfileWish('build/Dockerfile')).toEqual({
      path: 'build/Dockerfile',
      context: '.',
      args: {},
      engine: 'buildah',
    });
  });
});

describe('rootfsPath', () => {
  it('takes the tar of the architecture, or the one for all', () => {
    expect(rootfsPath('all.tar', 'arm64')).toBe('all.tar');
    expect(rootfsPath({ amd64: 'a.tar', arm64: 'b.tar' }, 'arm64')).toBe('b.tar');
    expect(() => rootfsPath({ amd64: 'a.tar' }, 'arm64')).toThrow('names no tar for arm64');
  });
});

describe('parseMirrors', () => {
  it('reads pairs, and passes over what is none', () => {
    expect(parseMirrors(' a.example=m1.example:5000,m2.example/prefix  b.example=m3.example nothing =x y=')).toEqual({
      'a.example': ['m1.example:5000', 'm2.example/prefix'],
      'b.example': ['m3.example'],
    });
  });
});
