import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { agentConfig, expectConfigured, expectNoDrift, inlineConfig, stagesRun } from './fixtures/agent-config.ts';
import { bowlineJson } from './fixtures/cli.ts';
import { BOOT_MS, SharedMachine } from './fixtures/machine.ts';
import { writePinnedBowl } from './fixtures/tiny-build.ts';

const KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJt0V7ZtG5m3mI7r8m0H0m2aP4w3V1mJ0m8wq3l6s9Zk ada@example';
/** This root has no network; what waits for one is content with a default route. */
const ONLINE = ['ip link set lo up', 'ip route add default dev lo'];
/** Resident memory of everything ours that stays, in KiB: a shell and its sleep. */
const MAX_RESIDENT_KIB = 4096;

const shared = new SharedMachine();
let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bowline-agent-'));
  const bowl = join(folder, 'bowl');
  await writePinnedBowl(bowl, ['outputs: [raw]', inlineConfig(agentConfig(KEY, ONLINE))].join('\n'));
  await bowlineJson(['build', bowl, '--debug', '--out', join(folder, 'out')]);
  // The oldest CPU there is: nothing of the agent needs more.
  await shared.start({ imagePath: join(folder, 'out/tiny'), snapshot: true, cpuModel: 'qemu64' });
});

afterAll(async () => {
  await shared.stop();
  await rm(folder, { recursive: true, force: true });
});

describe('the agent on a root of busybox and musl, without a service manager, on an old CPU', () => {
  it('runs every stage of the start, in order, and says nothing of it on the console', async (ctx) => {
    const machine = shared.of(ctx);
    await machine.waitFor(/edge-7 login:/, BOOT_MS);
    expect(await stagesRun(machine, 'network')).toEqual(['rootfs', 'initramfs', 'fs', 'boot', 'network']);
    expect(await machine.ask('cat /run/stages-ran')).toBe('initramfs\nboot\nnetwork');
    expect(machine.console()).not.toMatch(/bowline: .*(?:fail|not done|warn)/i);
    expect(await machine.ask('cat /proc/1/comm; grep -o "QEMU Virtual CPU" /proc/cpuinfo')).toBe(
      'init\nQEMU Virtual CPU',
    );
  });

  it('makes the configuration true, with tools of the base or without', async (ctx) => {
    await expectConfigured(shared.of(ctx), KEY);
  });

  it('changes nothing when its stages run again', async (ctx) => {
    await expectNoDrift(shared.of(ctx), ['rootfs', 'initramfs', 'fs', 'boot', 'network']);
  });

  it('leaves nothing of the handover behind', async (ctx) => {
    const machine = shared.of(ctx);
    // The root's own mounts, each once: those for the chroot of the initrd are gone.
    const points = (await machine.ask("cut -d ' ' -f 2 /proc/mounts")).split('\n');
    expect(points.filter((point) => /^\/(?:dev|sys|run)$/.test(point))).toEqual(['/dev', '/sys', '/run']);
    expect(points.filter((point) => point.startsWith('/sysroot'))).toEqual([]);
  });

  it('keeps no Node in memory, only a shell that waits', async (ctx) => {
    const machine = shared.of(ctx);
    const list = 'for p in /proc/[0-9]*; do cat $p/cmdline; echo; grep VmRSS $p/status; done 2>/dev/null; true';
    const look = async () => {
      const text = (await machine.ask(list)).replaceAll('\0', ' ');
      return [...text.matchAll(/^(.*\/usr\/lib\/bowline\/.*)\nVmRSS:\s+(\d+) kB$/gm)];
    };
    let own = await look();
    // After its first start a machine assesses itself and fills its recovery; both end.
    for (const deadline = Date.now() + BOOT_MS; own.length > 1 && Date.now() < deadline; own = await look()) {
      await machine.ask('sleep 3');
    }
    expect(own.map(([, words]) => words?.trim())).toEqual(['/bin/sh /usr/lib/bowline/watch']);
    expect(Number(own[0]?.[2])).toBeLessThan(MAX_RESIDENT_KIB);
  });

  it('keeps a password that was changed on the machine, and everything else, over a restart', async (ctx) => {
    const machine = shared.of(ctx);
    const uid = await machine.ask('grep ^ada: /etc/passwd');
    await machine.ask("sed -i 's|^ada:[^:]*:|ada:$6$salt$changed:|' /etc/shadow && sleep 25");
    await machine.ask('(sleep 1; reboot) >/dev/null 2>&1 &');
    await machine.waitFor(/edge-7 login:/, BOOT_MS);
    await stagesRun(machine, 'network');
    await expectConfigured(machine, KEY);
    expect(await machine.ask('grep ^ada: /etc/passwd')).toBe(uid);
    expect(await machine.ask('grep ^ada: /etc/shadow | cut -d : -f 2')).toBe('$6$salt$changed');
    await expectNoDrift(machine, ['initramfs', 'boot']);
  });
});
