import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bowlineJson } from './fixtures/cli.ts';
import { askAgent, untilAgent } from './fixtures/lifecycle/guest.ts';
import { BOOT_MS, SharedMachine } from './fixtures/machine.ts';
import { writePinnedBowl } from './fixtures/tiny-build.ts';

/** What `status --json` says, as far as this test reads it. */
interface Status {
  verdict: string;
  boot: { entry: string; slot: string; onTrial: boolean };
  assessment?: { healthy: boolean; checks: { title: string; state: string; reason: string }[] };
  versions: { version: string; verdict: string; now: string }[];
}

const LINE = 'test ! -e /run/broken';
const CHECKS = `checks: { within: 30s, diskSpace: [{ path: /var, free: 1 MiB }], command: [{ run: "${LINE}" }] }`;

const shared = new SharedMachine();
let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bowline-assess-'));
  const bowl = join(folder, 'bowl');
  await writePinnedBowl(bowl, ['outputs: [raw]', CHECKS].join('\n'));
  await bowlineJson(['build', bowl, '--debug', '--out', join(folder, 'out')]);
  await shared.start({ imagePath: join(folder, 'out/tiny'), snapshot: true });
});

afterAll(async () => {
  await shared.stop();
  await rm(folder, { recursive: true, force: true });
});

describe('the assessment of a machine', () => {
  it('finds a fresh image healthy, without a service manager, and knows what it is', async (ctx) => {
    const machine = shared.of(ctx);
    await machine.waitFor(/login:|tiny: started/, BOOT_MS);
    await machine.ask('touch /run/this-start');
    const status = await untilAgent<Status>(machine, 'status', ({ verdict }) => verdict === 'healthy', BOOT_MS);
    expect(status).toMatchObject({
      verdict: 'healthy',
      boot: { entry: 'bowline-1', slot: 'a', onTrial: false },
      versions: [{ version: '1', verdict: 'blessed', now: 'running' }],
    });
    expect(status.assessment?.checks.map(({ title, state }) => `${title}: ${state}`)).toEqual([
      'boot-complete: skipped',
      'no-failed-units: skipped',
      'room on /var: passed',
      `${LINE}: passed`,
    ]);
    expect(await machine.ask('/usr/lib/bowline/bowline-agent state get .boot; ls /run/cos')).toBe(
      'active_boot\nactive_mode',
    );
    expect(machine.console()).not.toMatch(/not healthy|given up/);
  });

  it('says what is not well, and restarts nobody who has proved himself', async (ctx) => {
    const machine = shared.of(ctx);
    await machine.ask('touch /run/broken');
    const agent = '/usr/lib/bowline/bowline-agent';
    // As at a start: the window of the checks passes, and then nothing follows.
    const text = await machine.ask(`${agent} assess --decide 2>/dev/null; echo "exit $?"`);
    expect(text).toMatch(/^this version: not healthy\nbecause: test ! -e \/run\/broken failed with exit code 1\n/);
    expect(text).toMatch(/exit 1$/);
    const status = await askAgent<Status>(machine, 'status');
    expect(status).toMatchObject({ verdict: 'degraded', assessment: { healthy: false } });
    expect(machine.console()).toMatch(/bowline: this version is not healthy: test ! -e \/run\/broken/);
    expect(await machine.ask('ls /run/this-start; rm /run/broken')).toBe('/run/this-start');
    expect((await askAgent<{ healthy: boolean }>(machine, 'assess')).healthy).toBe(true);
    expect(await machine.ask(`${agent} status | head -n 1`)).toBe('healthy: all that is checked is well');
  });
});
