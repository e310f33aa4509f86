import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { agentConfig, expectConfigured, expectNoDrift, inlineConfig, stagesRun } from './fixtures/agent-config.ts';
import { bowlineJson, PROJECT } from './fixtures/cli.ts';
import { BOOT_MS, lacks, type Skippable, type TestMachine, withMachine } from './fixtures/machine.ts';
import { freePort, makeKey, runOverSsh, SSH_CLIENT } from './fixtures/ssh-client.ts';

/** Building, and two starts of a whole distribution on busy cores. */
const TEST_MS = 40 * 60_000;
const STAGES = ['rootfs', 'initramfs', 'fs', 'boot', 'network'];
const isAll = process.env['BOWLINE_TEST_ALL'] === '1';

/** What `status --json` says, as far as this test reads it. */
interface Status {
  verdict: string;
  assessment: { checks: { title: string; state: string; reason: string }[] };
}

/** Builds a ready bowl with the cloud-config, starts it, and looks at it before and after a restart. */
async function liveWith(
  ctx: Skippable,
  ready: string,
  isHealthy: (machine: TestMachine) => Promise<void>,
): Promise<void> {
  const missing = await lacks(SSH_CLIENT);
  if (missing !== undefined) ctx.skip(missing);
  const folder = await mkdtemp(join(tmpdir(), 'bowline-agent-'));
  try {
    const key = await makeKey(folder, 'ada@example');
    // The inputs are those of the ready bowl: its pins hold here too, and nothing is fetched again.
    await copyFile(join(PROJECT, 'bowls', ready, 'bowl.lock'), join(folder, 'bowl.lock')).catch(() => undefined);
    const lines = ['apiVersion: bowline/v1', `extends: ${ready}`, 'name: edge', 'version: "1"', 'outputs: [raw]'];
    await writeFile(join(folder, 'bowl.yaml'), [...lines, inlineConfig(agentConfig(key)), ''].join('\n'));
    await bowlineJson(['build', folder, '--debug', '--out', join(folder, 'out')], { timeoutMs: TEST_MS });
    const port = await freePort();
    await withMachine(ctx, { imagePath: join(folder, 'out/edge'), snapshot: true, sshPort: port }, async (machine) => {
      const look = async (): Promise<string> => {
        await machine.waitFor(/edge-7 login:/, BOOT_MS);
        expect(await stagesRun(machine, 'network')).toEqual(STAGES);
        expect(await machine.ask('cat /run/stages-ran')).toBe('initramfs\nboot\nnetwork');
        await expectConfigured(machine, key);
        await isHealthy(machine);
        const login = await runOverSsh(machine, { folder, port, login: 'ada' }, 'id -un; id -Gn; hostname');
        expect(login).toEqual({ exitCode: 0, text: expect.stringMatching(/^ada\nada operators\nedge-7$/) });
        await expectNoDrift(machine, STAGES);
        return machine.ask('grep ^ada: /etc/passwd');
      };
      const account = await look();
      await machine.ask('(sleep 1; reboot) >/dev/null 2>&1 &');
      expect(await look()).toBe(account);
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

describe('the agent on whole distributions', { timeout: TEST_MS }, () => {
  it('configures Debian 13 with systemd, which stays healthy', async (ctx) => {
    await liveWith(ctx, 'starter', async (machine) => {
      expect(await machine.ask('systemctl is-system-running --wait || systemctl --failed')).toBe('running');
      const units = 'bowline-fs.service bowline-boot.service bowline-network.service';
      expect(await machine.ask(`systemctl is-active ${units} bowline-reconcile.timer bowline-passwords.path`)).toBe(
        'active\nactive\nactive\nactive\nactive',
      );
      // systemd breaks a cycle by leaving out one of its jobs, any of them, and counts as running all the same.
      expect(await machine.ask('journalctl -b -o cat | grep -ic "ordering cycle" || true')).toBe('0');
      // The assessment waits for the end of the start, and then it is over too.
      const assessed = 'systemctl show --property=ActiveState --value bowline-assess.service';
      expect(await machine.ask(`until [ "$(${assessed})" = inactive ]; do sleep 1; done; echo over`)).toBe('over');
      expect(await machine.ask('pgrep -c bowline-agent || true')).toBe('0');
      const { verdict, assessment } = JSON.parse(await machine.ask('bowline-agent status --json')) as Status;
      expect([verdict, assessment.checks]).toEqual([
        'healthy',
        [
          { title: 'boot-complete', state: 'passed', reason: '' },
          { title: 'no-failed-units', state: 'passed', reason: '' },
        ],
      ]);
      expect(await machine.ask('systemctl is-active boot-complete.target')).toBe('active');
      expect(await machine.ask('journalctl -b -t bowline -o cat | grep -c "initramfs: .*hostname"')).not.toBe('0');
    });
  });

  it('configures Debian 12 with System V init', async (ctx) => {
    if (!isAll) ctx.skip('only with --all: it builds a whole distribution and starts it twice');
    await liveWith(ctx, 'legacy-sysv', async (machine) => {
      expect(await machine.ask('cat /proc/1/comm')).toBe('init');
      expect(machine.console()).not.toMatch(/read-only file system|\[FAIL\]|failed!/i);
    });
  });
});
