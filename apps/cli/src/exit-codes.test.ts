import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { HostError } from '@bowline/host';
import { describe, expect, it } from 'vitest';
import { CliError } from './error.ts';
import { EXIT_CODES, EXIT_MEANINGS, exitCodeOf } from './exit-codes.ts';

const packagesFolder = new URL('../../../packages', import.meta.url).pathname;

/** The packages below `manifest`, its own dependencies first, each once. */
async function packagesOf(manifest: string, known = new Set<string>()): Promise<Set<string>> {
  const { dependencies = {} } = JSON.parse(await readFile(manifest, 'utf8')) as { dependencies?: object };
  for (const name of Object.keys(dependencies)) {
    const unit = /^@bowline\/(.+)$/.exec(name)?.[1];
    if (unit === undefined || known.has(unit)) continue;
    known.add(unit);
    await packagesOf(join(packagesFolder, unit, 'package.json'), known);
  }
  return known;
}

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
  it('cover every code of the packages that the command line rests on', async () => {
    const missing: string[] = [];
    const units = await packagesOf(new URL('../package.json', import.meta.url).pathname);
    expect(units).toContain('oci');
    for (const unit of units) {
      const source = await readFile(join(packagesFolder, unit, 'src', 'error.ts'), 'utf8').catch(() => '');
      const union = /export type \w+ErrorCode =([^;]*);/.exec(source.replace(/\/\*\*.*?\*\//gs, ''))?.[1] ?? '';
      for (const [, code] of union.matchAll(/'([A-Z0-9_]+)'/g)) {
        if (!Object.hasOwn(EXIT_CODES, code ?? '')) missing.push(`${unit}: ${code}`);
      }
    }
    expect(missing).toEqual([]);
  });
});
