import { describe, expect, it } from 'vitest';
import { formatManifest, type Manifest, parseManifest } from './schema.ts';

const sha256 = `sha256:${'a'.repeat(64)}` as const;
const file = (path: string) => ({ path, arch: 'amd64', output: 'raw', sizeBytes: 5, sha256 }) as const;
const MANIFEST: Manifest = {
  manifestVersion: 1,
  name: 'starter',
  version: '1',
  imageId: sha256,
  arch: ['amd64'],
  debug: false,
  files: [file('netboot/vmlinuz'), file('a.raw')],
  roots: { amd64: { rootHash: 'b'.repeat(64), kernelVersion: '6.12.1', slotBytes: 2 ** 30, squashfsBytes: 4096 } },
  tools: { sqfstar: '4.6.1' },
};
const withPath = (path: string) => JSON.stringify({ ...MANIFEST, files: [file(path)] });

describe('the manifest', () => {
  it('comes back as it was written, files by path', () => {
    const text = formatManifest(MANIFEST);
    expect(text.endsWith('}\n')).toBe(true);
    expect(parseManifest(text, 'manifest.json')).toEqual({
      ...MANIFEST,
      files: [file('a.raw'), file('netboot/vmlinuz')],
    });
    expect(formatManifest({ ...MANIFEST, files: MANIFEST.files.toReversed() })).toBe(text);
  });

  it.each(['../x', '/etc/passwd', 'a/../../x', '.', '..', 'a//b', 'a/', '', 'a\\b', 'a\0'])(
    'refuses a file outside its folder: %j',
    (path) => {
      expect(() => parseManifest(withPath(path), 'm')).toThrow(expect.objectContaining({ code: 'MANIFEST_INVALID' }));
    },
  );

  it.each(['a', 'a/b.c', '..a', 'a/..b'])('takes a file below its folder: %j', (path) => {
    expect(parseManifest(withPath(path), 'm').files).toHaveLength(1);
  });

  it('refuses a newer manifest and one with unknown keys', () => {
    expect(() => parseManifest(JSON.stringify({ ...MANIFEST, manifestVersion: 2 }), 'm')).toThrow(
      /manifestVersion 2 is newer/,
    );
    expect(() => parseManifest(JSON.stringify({ ...MANIFEST, x: 2 }), 'm')).toThrow(/"x"/);
  });
});
