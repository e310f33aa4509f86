import { describe, expect, it } from 'vitest';
import { asWritten } from './show-config.ts';

describe('a configuration as its owner would write it', () => {
  it('has permissions in octal, wherever they stand', () => {
    const values = { write_files: [{ path: '/a', permissions: 0o644 }], install: { x: { permissions: 0 } } };
    expect(asWritten(values)).toEqual({
      write_files: [{ path: '/a', permissions: '0644' }],
      install: { x: { permissions: '0000' } },
    });
  });

  it('leaves other numbers, texts and names below the top alone', () => {
    const values = { users: [{ name: 'ada', uid: '1000' }], upgrade: { size: 420 }, files: [{ permissions: '0644' }] };
    expect(asWritten(values)).toEqual(values);
  });

  it('has no name: that is one of a file', () => {
    expect(asWritten({ name: 'base', hostname: 'a' })).toEqual({ hostname: 'a' });
  });
});
