import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OciError } from '../error.ts';
import { formatImageReference, pinImageReference } from './image-reference.ts';
import { parseImageReference } from './parse-image-reference.ts';

const HEX = 'a'.repeat(64);

describe('parseImageReference', () => {
  it.each([
    [
      'registry.example.org/base/vendor:4.2',
      { kind: 'registry', registry: 'registry.example.org', repository: 'base/vendor', tag: '4.2' },
    ],
    ['localhost/a', { kind: 'registry', registry: 'localhost', repository: 'a' }],
    ['127.0.0.1:5000/a_b/c--d:x', { kind: 'registry', registry: '127.0.0.1:5000', repository: 'a_b/c--d', tag: 'x' }],
    ['[::1]:5000/a:1', { kind: 'registry', registry: '[::1]:5000', repository: 'a', tag: '1' }],
    ['docker.io/debian:12', { kind: 'registry', registry: 'docker.io', repository: 'library/debian', tag: '12' }],
    [
      `r.example/a:1@sha256:${HEX}`,
      { kind: 'registry', registry: 'r.example', repository: 'a', tag: '1', digest: `sha256:${HEX}` },
    ],
    ['oci:./vendor-image', { kind: 'oci-layout', folder: './vendor-image' }],
    ['oci:/x/y:r.example/a:1', { kind: 'oci-layout', folder: '/x/y', tag: 'r.example/a:1' }],
    [`oci:x@sha256:${HEX}`, { kind: 'oci-layout', folder: 'x', digest: `sha256:${HEX}` }],
    ['docker-archive:./vendor.tar', { kind: 'docker-archive', file: './vendor.tar' }],
    ['docker-archive:v.tar:vendor/base:1', { kind: 'docker-archive', file: 'v.tar', image: 'vendor/base:1' }],
  ])('reads %s', (text, expected) => {
    expect(parseImageReference(text)).toEqual(expected);
  });

  it.each([
    ['debian:12', 'docker.io/library/debian:12'],
    ['vendor/base:1', 'docker.io/vendor/base:1'],
    ['docker://r.example/a:1', 'r.example/a:1'],
    ['https://r.example/a:1', 'r.example/a:1'],
    ['r.example/Base/Image:1', 'r.example/base/image:1'],
    ['oci-layout:./x', 'oci:./x'],
    ['oci-archive:x.tar', 'tar -xf'],
    ['docker-daemon:a:1', 'docker save'],
    [' r.example/a ', 'r.example/a.'],
    ['r.example/a b:1', 'r.example/ab:1'],
    [`r.example/a@sha256:${HEX.toUpperCase()}`, `sha256:${HEX}`],
    [`r.example/a@sha512:${HEX}${HEX}`, 'sha256'],
    ['r.example/a@12', '@sha256:'],
    ['r.example/:1', 'r.example/REPOSITORY:TAG'],
    ['r.example:99999/a', 'host:port'],
    ['r.example/a:.x', 'starts with'],
    ['r.example/a..b:1', 'single dots'],
    ['r.example/../etc:1', 'single dots'],
    ['oci:', 'oci:FOLDER'],
    ['docker-archive:', 'docker-archive:FILE'],
    ['', 'registry/repository:tag'],
    ['r.example/a\n:1', 'line break'],
    [`r.example/${'a'.repeat(300)}`, 'Shorten'],
    ['x'.repeat(5000), 'Shorten'],
  ])('refuses %j and names the nearest cure', (text, cure) => {
    const error: unknown = (() => {
      try {
        return parseImageReference(text);
      } catch (failure) {
        return failure;
      }
    })();
    expect(error).toMatchObject({ code: 'REFERENCE_INVALID', hint: expect.stringContaining(cure) });
    expect((error as Error).message.length).toBeLessThan(400);
  });

  it('answers any text with a reference or an OciError, and what it reads it can write', () => {
    const part = fc.constantFrom(
      'a',
      'b.c',
      ':',
      '/',
      '@',
      'sha256:',
      'oci:',
      'docker-archive:',
      'localhost',
      '[::1]',
      '5000',
      HEX,
      'A',
      ' ',
      '\u0000',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(part, { maxLength: 8 }).map((parts) => parts.join('')),
        ),
        (text) => {
          try {
            const reference = parseImageReference(text);
            expect(parseImageReference(formatImageReference(reference))).toEqual(reference);
          } catch (error) {
            if (!(error instanceof OciError)) throw error;
          }
        },
      ),
    );
  });

  it('pins what has manifests', () => {
    const pinned = pinImageReference(parseImageReference('r.example/a:1'), `sha256:${HEX}`);
    expect(formatImageReference(pinned)).toBe(`r.example/a:1@sha256:${HEX}`);
    const archive = parseImageReference('docker-archive:a.tar');
    expect(pinImageReference(archive, `sha256:${HEX}`)).toEqual(archive);
  });
});
