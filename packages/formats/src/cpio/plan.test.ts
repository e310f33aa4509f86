import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { planCpio } from './plan.ts';
import { writeCpio } from './write.ts';

const options = { mtimeSeconds: 1767225600 };

describe('a planned cpio archive', () => {
  it('is byte for byte what the writer makes of the same files', () => {
    const files = fc.uniqueArray(
      fc.record({ name: fc.stringMatching(/^[a-z]{1,8}$/), data: fc.uint8Array({ maxLength: 40 }) }),
      { selector: (file) => file.name, maxLength: 6 },
    );
    fc.assert(
      fc.property(files, (list) => {
        const content = new Map(list.map(({ name, data }) => [`big/${name}`, data]));
        const plan = planCpio(
          [...content].map(([path, data]) => ({ path, mode: 0o644, sizeBytes: data.length })),
          options,
        );
        const archive = new Uint8Array(plan.sizeBytes);
        for (const extent of plan.extents) {
          archive.set(
            'bytes' in extent ? extent.bytes : (content.get(extent.path) ?? new Uint8Array(0)),
            extent.offset,
          );
        }
        const expected = writeCpio(
          [...content].map(([path, data]) => ({ type: 'file', path, mode: 0o644, data })),
          options,
        );
        expect(archive).toEqual(expected);
      }),
    );
  });

  it('refuses a file that the format cannot hold', () => {
    expect(() => planCpio([{ path: 'root', mode: 0o644, sizeBytes: 2 ** 32 }], options)).toThrow('below 4 GiB');
  });
});
