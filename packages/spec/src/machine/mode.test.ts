import { describe, expect, it } from 'vitest';
import type { LocatedScalar } from '../yaml/located.ts';
import { parseYaml } from '../yaml/parse.ts';
import { readMode } from './mode.ts';

const read = (text: string) => readMode(parseYaml({ path: 'a', text }).node as LocatedScalar);

describe('readMode', () => {
  it.each([
    ['0644', 0o644],
    ['0o644', 0o644],
    ['"0644"', 0o644],
    ['"644"', 0o644],
    ["'0o600'", 0o600],
    ['01777', 0o1777],
    ['"2755"', 0o2755],
    ['0', 0],
    ['00', 0],
    ['420', 0o644],
    ['493', 0o755],
    ['384', 0o600],
    ['511', 0o777],
    ['0x1ff', 0o777],
  ])('reads %s as Kairos does', (text, mode) => {
    expect(read(text)).toEqual({ mode });
  });

  it.each([
    ['644', 0o644],
    ['755', 0o755],
    ['600', 0o600],
    ['777', 0o777],
    ['1777', 0o1777],
  ])('reads %s as octal, with a warning', (text, mode) => {
    const result = read(text);
    expect(result?.mode).toBe(mode);
    expect(result?.warning).toContain(`write 0${text}`);
  });

  it.each(['rw-r--r--', '"0899"', '-1', '1.5', 'true', '"  "'])('gives nothing for %s', (text) => {
    expect(read(text)).toBeUndefined();
  });
});
