import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nodeHost, type SystemNeed } from '@bowline/host';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { writeDebianLayout, writeVendorTar } from './fixtures/bases.ts';
import { bowlineJson, PROJECT } from './fixtures/cli.ts';
import { lacks, type Skippable, type TestMachine, withMachine } from './fixtures/machine.ts';

const isAll = process.env['BOWLINE_TEST_ALL'] === '1';
/** Starts took 130 s on two idle cores without KVM, and 300 s beside other work. */
const START_MS = 900_000;
const TEST_MS = 45 * 60_000;
const SSH_CLIENT: SystemNeed = { title: 'an SSH client', anyOf: ['ssh'], debianPackages: ['openssh-client'] };
/** The vendor's tar brings no configuration: the bowl does. */
const VENDOR = `  - { path: /etc/systemd/network/80-dhcp.network, content: "[Match]\\nType=ether\\n\\n[Network]\\nDHCP=yes\\n" }
systemd: { enable: [systemd-networkd.service] }
base: { rootfs: appliance.tar.xz }
`;
const STATE_FOLDERS = ['/var', '/home', '/root', '/oem'];

let folder = '';

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bowline-bowls-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** A bowl that a user of the ready bowl would write: the same with a person who may log in. */
async function buildExtended(ready: string, more = ''): Promise<string> {
  const keyFile = join(folder, 'key');
  const keygen = ['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-C', 'ada', '-f', keyFile] as const;
  await nodeHost().processes.run({ argv: keygen, timeoutMs: 60_000 });
  const key = (await readFile(`${keyFile}.pub`, 'utf8')).trim();
  const text = `apiVersion: bowline/v1
extends: ${ready}
name: mine
version: 1.0.0
hostname: mine-1
outputs: [raw]
users: [{ name: ada, sshAuthorizedKeys: ["${key}"] }]
files:
  - { path: /etc/motd, content: "this machine is an image\\n" }
${more}`;
  await writeFile(join(folder, 'bowl.yaml'), text);
  await bowlineJson(['build', folder, '--debug', '--out', join(folder, 'out')], { timeoutMs: TEST_MS });
  return join(folder, 'out/mine');
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** Runs a command as ada over SSH; `firstTime` learns the machine's host key, later it must be the same. */
async function sshAsAda(port: number, firstTime: boolean, command: string): Promise<string> {
  const options = {
    BatchMode: 'yes',
    ConnectTimeout: '60',
    ConnectionAttempts: '5',
    IdentitiesOnly: 'yes',
    StrictHostKeyChecking: firstTime ? 'accept-new' : 'yes',
    UserKnownHostsFile: join(folder, 'known_hosts'),
  };
  const words = Object.entries(options).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  const { stdout } = await nodeHost().processes.run({
    argv: ['ssh', '-F', 'none', '-p', String(port), '-i', join(folder, 'key'), ...words, 'ada@127.0.0.1', command],
    timeoutMs: START_MS,
  });
  return new TextDecoder().decode(stdout).trimEnd();
}

/** What is the same for every base, seen by the machine's owner: login prompt, SSH, what stays over a restart, power off. */
async function liveWith(
  ctx: Skippable,
  imagePath: string,
  look: (machine: TestMachine) => Promise<void>,
): Promise<void> {
  const sshPort = await freePort();
  await withMachine(ctx, { imagePath, sshPort }, async (machine) => {
    await machine.waitFor(/mine-1 login:/, START_MS);
    await look(machine);
    expect(await machine.ask("grep ' / ' /proc/mounts")).toMatch(/^\/dev\/mapper\/root \/ squashfs ro,/);
    const mounts = await machine.ask('cat /proc/mounts');
    for (const place of STATE_FOLDERS) expect(mounts).toMatch(new RegExp(` ${place} ext4 rw,`));
    for (const place of ['/etc', '/opt', '/srv', '/usr/local'])
      expect(mounts).toContain(`overlay ${place} overlay rw,`);
    // QEMU's user network gives this address by DHCP; a login prompt does not wait for it.
    const untilOnline = 'for i in $(seq 120); do [ -z "$(ip -4 route show default)" ] || break; sleep 1; done';
    expect(await machine.ask(`${untilOnline}; ip -o -4 addr show scope global`)).toContain('inet 10.0.2.15/24');
    expect(await machine.ask('ip route')).toContain('default via 10.0.2.2');
    expect(await sshAsAda(sshPort, true, 'hostname; cat /etc/motd; pwd')).toBe(
      'mine-1\nthis machine is an image\n/home/ada',
    );
    expect(Math.abs(Number(await machine.ask('date +%s')) * 1000 - Date.now())).toBeLessThan(300_000);
    await sshAsAda(sshPort, false, 'echo kept > ~/note');
    await machine.ask('echo kept > /var/lib/note; echo lost > /etc/note');

    await machine.ask('(sleep 1; reboot) >/dev/null 2>&1 &');
    await machine.waitFor(/mine-1 login:/, START_MS);
    expect(await machine.ask('cat /var/lib/note; ls /etc/note 2>&1 || true')).toMatch(/^kept\n.*No such file/);
    expect(await sshAsAda(sshPort, false, 'cat ~/note')).toBe('kept');
    await look(machine);

    await machine.ask('(sleep 1; poweroff) >/dev/null 2>&1 &');
    expect(await machine.exited).toMatchObject({ exitCode: 0 });
  });
}

/** A healthy systemd: everything started, nothing failed, no job hangs. */
async function isHealthySystemd(machine: TestMachine): Promise<void> {
  expect(await machine.ask('systemctl is-system-running --wait || systemctl --failed --no-legend --plain')).toBe(
    'running',
  );
  expect(await machine.ask('cat /proc/1/comm; hostname')).toBe('systemd\nmine-1');
  // Nothing warns of a read-only file system.
  expect(await machine.ask('journalctl -b -p warning --no-pager | grep -i "read-only file system" || true')).toBe('');
}

async function isHealthySysv(machine: TestMachine): Promise<void> {
  expect(await machine.ask('cat /proc/1/comm; hostname')).toBe('init\nmine-1');
  expect(await machine.ask('ls -d /run/systemd/private 2>&1 || true')).toContain('No such file');
  expect(machine.console()).not.toMatch(/read-only file system|\[FAIL\]|failed!/i);
  expect(await machine.ask('test -s /var/log/syslog && echo logged')).toBe('logged');
  expect(
    await machine.ask('for f in /var/log /var/run /run/lock /tmp /var/tmp /dev/shm; do touch $f/x && rm $f/x; done'),
  ).toBe('');
}

async function needs(ctx: Skippable): Promise<void> {
  if (!isAll) ctx.skip('only with --all: it builds a whole distribution and starts it twice');
  const missing = await lacks(SSH_CLIENT);
  if (missing !== undefined) ctx.skip(missing);
}

describe('the ready bowls, as their users see them', { timeout: TEST_MS }, () => {
  it('debian-12: Debian 12 with its own kernel', async (ctx) => {
    await needs(ctx);
    const image = await buildExtended('debian-12');
    await liveWith(ctx, image, async (machine) => {
      await isHealthySystemd(machine);
      expect(await machine.ask('. /etc/os-release; echo $VERSION_CODENAME; uname -r')).toMatch(/^bookworm\n6\.1\./);
    });
  });

  it('legacy-sysv: System V init, which knows nothing of all this', async (ctx) => {
    await needs(ctx);
    const image = await buildExtended('legacy-sysv');
    await liveWith(ctx, image, isHealthySysv);
  });

  it('from-dockerfile: a Dockerfile on a base of our own', async (ctx) => {
    await needs(ctx);
    await writeDebianLayout(join(folder, 'scratch'), 'trixie', join(folder, 'base'));
    await cp(join(PROJECT, 'bowls/from-dockerfile/Dockerfile'), join(folder, 'Dockerfile'));
    const image = await buildExtended(
      'from-dockerfile',
      'base: { dockerfile: { path: Dockerfile, args: { BASE: "oci:base:latest" } } }\n',
    );
    await liveWith(ctx, image, isHealthySystemd);
  });

  it('vendor-rootfs: a tar with its own kernel, packed by xz', async (ctx) => {
    await needs(ctx);
    await writeVendorTar(join(folder, 'scratch'), join(folder, 'appliance.tar.xz'));
    const image = await buildExtended('vendor-rootfs', VENDOR);
    await liveWith(ctx, image, async (machine) => {
      await isHealthySystemd(machine);
      expect(await machine.ask('uname -r')).toMatch(/^6\.1\./);
    });
  });
});
