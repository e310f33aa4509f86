import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { HostError } from '@bowline/host';
import { describe, expect, it } from 'vitest';
import { CliError } from './error.ts';
import { EXIT_CODES, EXIT_MEANINGS, exitCodeOf } from './exit-codes.ts';

const packagesFolder = new URL('../../../packages', import.meta.url).pathname;

describe('exit codes', () => {
  it('are given by the code of an error', () => {
    expect(exitCodeOf(new CliError({ code: 'USAGE', message: '' }))).toBe(2);
    expect(exitCodeOf(new HostError({ code: 'DISK_FULL', message: '' }))).toBe(6);
    expect(exitCodeOf(new HostError({ code: 'ABORTED', message: '' }))).toBe(130);
  });

  it('know the errors of the system', () => {
    expect(exitCodeOf(Object.assign(new Error('full'), { code: 'ENOSPC' }))).toBe(6);
    expect(exitCodeOf(new DOMException('stopped', 'AbortError'))).toBe(130);
    expect(exitCodeOf(new TypeError('a fault'))).toBe(1);
    expect(exitCodeOf('thrown text')).toBe(1);
  });

  it('each have a meaning', () => {
    for (const exitCode of Object.values(EXIT_CODES)) expect(EXIT_MEANINGS).toHaveProperty(String(exitCode));
  });

  // The compiler holds the table to the unions; this finds a package whose union the table does not see.
  it('cover every code that a package declares', async () => {
    const missing: string[] = [];
    for (const unit of await readdir(packagesFolder)) {
      const source = await readFile(join(packagesFolder, unit, 'src', 'error.ts'), 'utf8').catch(() => '');
      const union = /export type \w+ErrorCode =([^;]*);/.exec(source.replace(/\/\*\*.*?\*\//gs, ''))?.[1] ?? '';
      for (const [, code] of union.matchAll(/'([A-Z0-9_]+)'/g)) {
        if (!Object.hasOwn(EXIT_CODES, code ?? '')) missing.push(`${unit}: ${code}`);
      }
    }
    expect(missing).toEqual([]);
  });
});
