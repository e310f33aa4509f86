import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { bowlineJson } from './fixtures/cli.ts';
import { BOOT_MS, type TestMachine, withMachine } from './fixtures/machine.ts';
import { writePinnedBowl } from './fixtures/tiny-build.ts';

const TEST_MS = 30 * 60_000;

/** Restarts, and waits for the login prompt and the end of the last stage before the network. */
async function restart(machine: TestMachine): Promise<void> {
  await machine.ask('sync; (sleep 1; reboot -f) >/dev/null 2>&1 &');
  await machine.waitFor(/login:/, BOOT_MS);
  await machine.ask(
    'i=0; until grep -q \'"stage":"boot".*"finished":true\' /run/bowline/stages.json; do i=$((i+1)); [ $i -lt 300 ]; sleep 1; done',
  );
}

describe('a machine whose owner left it a bad configuration', { timeout: TEST_MS }, () => {
  it('starts with the last good one, says so, and lets its owner in, with a full disk too', async (ctx) => {
    const folder = await mkdtemp(join(tmpdir(), 'bowline-agent-faults-'));
    try {
      await writePinnedBowl(join(folder, 'bowl'), 'outputs: [raw]');
      await bowlineJson(['build', join(folder, 'bowl'), '--debug', '--out', join(folder, 'out')]);
      await withMachine(ctx, { imagePath: join(folder, 'out/tiny'), snapshot: true }, async (machine) => {
        await machine.waitFor(/login:/, BOOT_MS);
        const owner = [
          '#cloud-config',
          'stages:',
          '  initramfs:',
          '    - users: { ada: { passwd: "$6$salt$hash" } }',
          '      files: [{ path: /run/owner, content: here, permissions: 0600 }]',
        ];
        await machine.ask(`printf '%s\\n' '${owner.join("' '")}' >/oem/50-owner.yaml`);
        await restart(machine);
        expect(await machine.ask('cat /run/owner')).toBe('here');
        const uid = await machine.ask('grep ^ada: /etc/passwd');

        await machine.ask(
          [
            'head -c 5000 /dev/urandom >/oem/50-owner.yaml',
            'ln -s loop.yaml /oem/loop.yaml',
            'head -c 10000000 /dev/zero >/oem/60-large.yaml',
            'printf \'#cloud-config\\nstages: {initramfs: [{commands: ["exit 7"]}, {hostname: "{{ fail }"}]}\\n\' >/oem/70-broken.yaml',
            'cat /dev/zero >/var/full 2>/dev/null || true',
          ].join('; '),
        );
        await restart(machine);
        expect(await machine.ask('cat /run/owner')).toBe('here');
        expect(await machine.ask('grep ^ada: /etc/passwd')).toBe(uid);
        expect(await machine.ask('grep ^ada: /etc/shadow | cut -d : -f 2')).toBe('$6$salt$hash');
        expect(machine.console()).toMatch(/bowline: .*50-owner\.yaml.*last good/);
        const status = await machine.ask('bowline-agent status');
        for (const word of ['50-owner.yaml', '60-large.yaml', 'loop.yaml', '70-broken.yaml'])
          expect(status).toContain(word);
      });
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});
