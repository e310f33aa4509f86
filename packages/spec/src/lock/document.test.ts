import { describe, expect, it } from 'vitest';
import { SpecError } from '../error.ts';
import { FULL_LOCK } from '../identity/identity.testdata.ts';
import { formatLock, parseLock } from './document.ts';

const failure = (text: string): SpecError => {
  try {
    parseLock(text, 'x/bowl.lock');
  } catch (error) {
    if (error instanceof SpecError) return error;
    throw error;
  }
  throw new Error('the lock was taken');
};

describe('the lock', () => {
  it('comes back as it was written', () => {
    expect(parseLock(formatLock(FULL_LOCK), 'bowl.lock')).toEqual(FULL_LOCK);
  });

  it('has the same bytes whatever the order of keys: sorted, indented, with a line break at the end', () => {
    const { arch, files, lockVersion } = FULL_LOCK;
    expect(formatLock({ files, arch, lockVersion })).toBe(formatLock(FULL_LOCK));
    expect(formatLock({ lockVersion: 1, files: { b: `sha256:${'0'.repeat(64)}` }, arch: {} })).toBe(
      `{\n  "arch": {},\n  "files": {\n    "b": "sha256:${'0'.repeat(64)}"\n  },\n  "lockVersion": 1\n}\n`,
    );
  });

  it.each([
    ['not JSON', 'lockVersion: 1', 'The lock x/bowl.lock cannot be used: it is not JSON.'],
    ['cut off', formatLock(FULL_LOCK).slice(0, 300), 'The lock x/bowl.lock cannot be used: it is not JSON.'],
    ['empty', '', 'The lock x/bowl.lock cannot be used: it is not JSON.'],
    ['a list', '[]', 'The lock x/bowl.lock cannot be used: it is not a JSON object.'],
    [
      'newer',
      '{"lockVersion": 2, "new": 1}',
      'The lock x/bowl.lock cannot be used: lockVersion 2 is newer than this Bowline reads.',
    ],
    ['wrong digest', '{"lockVersion":1,"files":{"a":"md5:1"},"arch":{}}', 'files.a: '],
    ['unknown key', '{"lockVersion":1,"files":{},"arch":{},"x":1}', '"x"'],
    ['unknown architecture', '{"lockVersion":1,"files":{},"arch":{"riscv64":{}}}', 'arch'],
  ])('refuses: %s', (_name, text, message) => {
    const error = failure(text);
    expect(error.code).toBe('LOCK_INVALID');
    expect(error.message).toContain(message);
    expect(error.hint).toBeTruthy();
  });

  it('names all reasons at once', () => {
    expect(failure('{"lockVersion":1,"files":5}').message).toMatch(/files: .*; arch: /);
  });
});
