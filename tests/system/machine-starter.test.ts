import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nodeHost } from '@bowline/host';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bowline, bowlineJson, PROJECT } from './fixtures/cli.ts';
import { BOOT_MS, lacks, SharedMachine, type Skippable } from './fixtures/machine.ts';

const SSH = { title: 'ssh', anyOf: ['ssh'], debianPackages: ['openssh-client'] } as const;

/** Building and two starts of a whole distribution on busy cores. */
const TEST_MS = 40 * 60_000;

let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bowline-starter-'));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

describe('bowls/starter, by the two commands of the README', { timeout: TEST_MS }, () => {
  it('builds, and boots to a login prompt', async (ctx) => {
    const out = join(folder, 'out');
    const built = await bowlineJson<{ files: { output: string; path: string }[] }>([
      'build',
      'bowls/starter',
      '--out',
      out,
    ]);
    expect(new Set(built.files.map((file) => file.output))).toEqual(new Set(['raw', 'iso', 'qcow2']));
    const raw = built.files.find((file) => file.output === 'raw')?.path ?? '';
    const words = ['boot', raw, '--snapshot'];
    const run = await bowline([...words, '--expect', 'login:', '--timeout', String(BOOT_MS / 1000), '--json']);
    if (run.stdout.includes('SYSTEM_PACKAGES_MISSING')) ctx.skip(run.stderr.trim());
    expect(run).toMatchObject({ exitCode: 0 });
    expect(JSON.parse(run.stdout)).toMatchObject({ matched: 'login:' });
    await rm(out, { recursive: true });
  });
});

describe('a bowl that extends starter with a user', { timeout: TEST_MS }, () => {
  const shared = new SharedMachine();
  let noSsh: string | undefined;
  let sshPort = 0;

  beforeAll(async () => {
    noSsh = await lacks(SSH);
    const bowl = join(folder, 'mine');
    await mkdir(bowl);
    // The inputs are those of starter: its pins hold here too, and nothing is fetched again.
    await copyFile(join(PROJECT, 'bowls/starter/bowl.lock'), join(bowl, 'bowl.lock'));
    const user = noSsh === undefined ? `users: [{ name: ada, sshAuthorizedKeys: ["${await makeKey()}"] }]\n` : '';
    const text = `apiVersion: bowline/v1\nextends: starter\nname: mine\nversion: "1"\nhostname: mine\noutputs: [raw]\n${user}`;
    await writeFile(join(bowl, 'bowl.yaml'), text);
    await bowlineJson(['build', bowl, '--debug', '--out', join(folder, 'out-debug')]);
    sshPort = await freePort();
    await shared.start({ imagePath: join(folder, 'out-debug/mine'), snapshot: true, sshPort });
  });

  afterAll(() => shared.stop());

  async function makeKey(): Promise<string> {
    const argv = ['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-C', 'test', '-f', join(folder, 'key')] as const;
    await nodeHost().processes.run({ argv, timeoutMs: 20_000 });
    return (await readFile(join(folder, 'key.pub'), 'utf8')).trim();
  }

  /** Runs a command over the forwarded port; the machine must show the host key it keeps. */
  async function ssh(
    ctx: Skippable,
    login: string,
    command: string,
  ): Promise<{ exitCode: number | null; stdout: string }> {
    if (noSsh !== undefined) ctx.skip(noSsh);
    const known = join(folder, 'known_hosts');
    await writeFile(
      known,
      `[127.0.0.1]:${sshPort} ${await shared.of(ctx).ask('cat /etc/ssh/ssh_host_ed25519_key.pub')}\n`,
    );
    const settings = ['StrictHostKeyChecking=yes', `UserKnownHostsFile=${known}`, 'BatchMode=yes', 'ConnectTimeout=60'];
    const options = settings.flatMap((setting) => ['-o', setting]);
    const target = ['-i', join(folder, 'key'), '-p', String(sshPort), `${login}@127.0.0.1`, command];
    const argv: [string, ...string[]] = ['ssh', '-F', 'none', ...options, ...target];
    const run = await nodeHost().processes.run({ argv, timeoutMs: 120_000, okExitCodes: [0, 255] });
    return { exitCode: run.exitCode, stdout: new TextDecoder().decode(run.stdout).trimEnd() };
  }

  it('comes up with every unit in order', async (ctx) => {
    const machine = shared.of(ctx);
    await machine.waitFor(/mine login:/, BOOT_MS);
    // `degraded` would end with 1, and say so.
    expect(await machine.ask('systemctl is-system-running --wait || systemctl --failed')).toBe('running');
    expect(await machine.ask('systemctl --failed --no-legend --plain')).toBe('');
  });

  it('has a squashfs as its root, read-only, and the rest where it belongs', async (ctx) => {
    const machine = shared.of(ctx);
    expect(await machine.ask('findmnt -no FSTYPE,SOURCE,OPTIONS /')).toMatch(/^squashfs\s+\/dev\/mapper\/root\s+ro,/);
    expect(await machine.ask('findmnt -no FSTYPE,OPTIONS /var')).toMatch(/^ext4\s+rw,/);
    expect(await machine.ask('findmnt -no FSTYPE /etc')).toBe('overlay');
    const { exitCode, output } = await machine.run('touch /usr/new');
    expect([exitCode, new TextDecoder().decode(output)]).toEqual([1, expect.stringContaining('Read-only file system')]);
  });

  it('has its network up by DHCP, with a resolver', async (ctx) => {
    const machine = shared.of(ctx);
    expect(await machine.ask('ip -4 -o addr show scope global')).toMatch(/ 10\.0\.2\.15\/24 /);
    expect(await machine.ask('resolvectl dns')).toMatch(/10\.0\.2\.3/);
    expect(await machine.ask('readlink -f /etc/resolv.conf')).toMatch(/^\/run\/systemd\/resolve\//);
  });

  it('knows its packages, which belong to the image', async (ctx) => {
    const machine = shared.of(ctx);
    expect(await machine.ask("dpkg-query -W -f '${Status}' openssh-server")).toBe('install ok installed');
    expect(await machine.ask('readlink -f /var/lib/dpkg')).toMatch(/^\/usr\/lib\/sysimage\//);
  });

  it('lets in the user of the bowl by SSH, with the host key of this machine', async (ctx) => {
    expect(await ssh(ctx, 'ada', 'id -un; hostname')).toEqual({ exitCode: 0, stdout: 'ada\nmine' });
    expect(await ssh(ctx, 'root', 'id -un')).toEqual({ exitCode: 255, stdout: '' });
  });

  it('keeps machine ID, host keys and what is on state over a restart', async (ctx) => {
    const machine = shared.of(ctx);
    const identity = 'cat /etc/machine-id /etc/ssh/ssh_host_*_key.pub';
    const before = await machine.ask(identity);
    await machine.ask('echo here > /home/kept; echo here > /etc/lost');
    await machine.ask('systemctl reboot --no-block');
    await machine.waitFor(/mine login:/, BOOT_MS);
    expect(await machine.ask(identity)).toBe(before);
    expect(await machine.ask('cat /home/kept; ls /etc/lost 2>&1 || true')).toMatch(/^here\nls: cannot access/);
  });
});

async function freePort(): Promise<number> {
  return await new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
