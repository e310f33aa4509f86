import { nodeHost } from '@bowline/host';
import { describe, expect, it } from 'vitest';
import { type BareDebian, type Person, ROOT, USER, withBareDebian } from './fixtures/bare-debian.ts';

const HOUR_MS = 3_600_000;
const BUILD_MS = 30 * 60_000;
const BOOT_MS = 15 * 60_000;

const isAll = process.env['BOWLINE_TEST_ALL'] === '1';
const decode = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

async function succeed(
  system: BareDebian,
  person: Person,
  argv: readonly [string, ...string[]],
  timeoutMs: number,
): Promise<string> {
  const result = await system.run(person, argv, timeoutMs);
  const output = decode(result.stdout);
  const failures = output.split('\n').filter((line) => /FAIL|Error:/.test(line));
  expect(
    result.exitCode,
    [argv.join(' '), ...failures.slice(0, 20), output.slice(-2000), result.stderrTail.slice(-4000)].join('\n'),
  ).toBe(0);
  return output;
}

describe.each(['bookworm', 'trixie'] as const)('a newcomer on a minimal Debian %s', (suite) => {
  it(
    'builds and starts the starter bowl with the commands of the README, as root and then as an ordinary user',
    async (ctx) => {
      if (!isAll) return ctx.skip('takes half an hour; --all runs it');
      if (!nodeHost().isRoot) return ctx.skip('making a whole system needs root');
      await withBareDebian(suite, async (system) => {
        const built = JSON.parse(
          await succeed(system, ROOT, ['./bowline', 'build', 'bowls/starter', '--json'], BUILD_MS),
        ) as { imageId: string };
        expect(built.imageId).toMatch(/^sha256:[0-9a-f]{64}$/);
        await succeed(
          system,
          ROOT,
          ['./bowline', 'boot', 'out/starter', '--snapshot', '--expect', 'login:', '--timeout', '800'],
          BOOT_MS,
        );
        expect(await succeed(system, ROOT, ['./bowline', 'test', '--quick'], BUILD_MS)).toMatch(
          /^\d+ passed, 0 failed, \d+ skipped$/m,
        );
        // What the hint names for an ordinary user; then the build needs no sudo.
        await succeed(system, ROOT, ['apt-get', 'install', '-y', '--no-install-recommends', 'uidmap'], BUILD_MS);
        const own = JSON.parse(
          await succeed(system, USER, ['./bowline', 'build', 'bowls/starter', '--json'], BUILD_MS),
        ) as { imageId: string };
        expect(own.imageId).toBe(built.imageId);
      });
    },
    2 * HOUR_MS,
  );
});
