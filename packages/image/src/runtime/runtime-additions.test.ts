import { describe, expect, it } from 'vitest';
import { runtimeAdditions } from './runtime-additions.ts';

const additions = await runtimeAdditions({ name: 'star"ter', version: '1.2', arch: 'amd64' });
const text = (path: string): string =>
  new TextDecoder().decode(additions.find((addition) => addition.path === path)?.content ?? new Uint8Array());

describe('runtime layer', () => {
  it('names the image', () => {
    expect(text('usr/lib/bowline/release')).toBe('NAME="star\\"ter"\nVERSION="1.2"\nARCH="amd64"\n');
  });

  it('gives the root a read-only entry without a device path, which systemd would wait for', () => {
    const entries = text('etc/fstab')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'));
    expect(entries).toEqual(['rootfs / squashfs ro 0 0']);
  });

  it('keeps no folder of /etc by itself', () => {
    expect(text('usr/lib/bowline/persist').replaceAll(/^#.*\n/gm, '')).toBe('');
  });

  it('lets a base without kmod start without a failed unit', () => {
    expect(text('usr/lib/systemd/system/kmod-static-nodes.service.d/bowline.conf')).toBe(
      '[Unit]\nConditionPathExists=/bin/kmod\n',
    );
  });

  it('lists each path once', () => {
    const paths = additions.map(({ path }) => path);
    expect(new Set(paths).size).toBe(paths.length);
  });
});
