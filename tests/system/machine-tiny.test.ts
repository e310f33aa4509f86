import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseElf } from '@bowline/formats';
import { nodeHost } from '@bowline/host';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bowlineJson } from './fixtures/cli.ts';
import { BOOT_MS, lacks, SharedMachine } from './fixtures/machine.ts';
import { writePinnedBowl } from './fixtures/tiny-build.ts';
import { MUSL_LOADER } from './fixtures/tiny-root.ts';

const BOWL = [
  'hostname: tiny-7',
  'cloudConfig: { inline: "#cloud-config\\nhostname: from-the-bowl\\n" }',
  'outputs: [raw]',
].join('\n');
const PROGRAM = `
#include <stdio.h>
#include <stdlib.h>
int main(void) { char *word = malloc(16); snprintf(word, 16, "%s", "musl"); return printf("linked to %s\\n", word) < 0; }
`;

const shared = new SharedMachine();
let folder = '';
let noProgram: string | undefined;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bowline-tiny-'));
  const program = await compileForMusl();
  const extra = program === undefined ? [] : [{ path: 'usr/bin/hello', mode: 0o755, content: program }];
  const bowl = join(folder, 'bowl');
  await writePinnedBowl(bowl, BOWL, extra);
  await bowlineJson(['build', bowl, '--debug', '--out', join(folder, 'out')]);
  await shared.start({ imagePath: join(folder, 'out/tiny'), snapshot: true });
});

afterAll(async () => {
  await shared.stop();
  await rm(folder, { recursive: true, force: true });
});

/** A program that is dynamically linked to musl, by Debian's compiler for it. */
async function compileForMusl(): Promise<Uint8Array | undefined> {
  noProgram = await lacks({ title: 'musl-gcc', anyOf: ['musl-gcc'], debianPackages: ['musl-tools'] });
  if (noProgram !== undefined) return undefined;
  await writeFile(join(folder, 'hello.c'), PROGRAM);
  const argv = ['musl-gcc', '-o', join(folder, 'hello'), join(folder, 'hello.c')] as const;
  await nodeHost().processes.run({ argv, timeoutMs: 60_000 });
  return await readFile(join(folder, 'hello'));
}

describe('a root of busybox and musl, without systemd, in a machine', () => {
  it('starts the init of the base, and says that it is a debug image', async (ctx) => {
    const machine = shared.of(ctx);
    await machine.waitFor(/tiny: started/, BOOT_MS);
    await machine.waitFor(/from-the-bowl login:/, BOOT_MS);
    expect(machine.console()).toMatch(/DEBUG IMAGE: anyone at ttyS1 has a root shell/);
    expect(await machine.ask('readlink -f /proc/1/exe; hostname')).toBe('/bin/busybox\nfrom-the-bowl');
  });

  it('has a squashfs on a verified device as its root, read-only', async (ctx) => {
    const machine = shared.of(ctx);
    expect(await machine.ask("grep ' / ' /proc/mounts")).toMatch(/^\/dev\/mapper\/root \/ squashfs ro,\S+ 0 0$/);
    expect(await machine.ask('cat /sys/block/dm-0/dm/name /sys/block/dm-0/dm/uuid /sys/block/dm-0/ro')).toMatch(
      /^root\nCRYPT-VERITY-\S+\n1$/,
    );
  });

  it.for([
    ['a file below /usr', 'touch /usr/new', 'Read-only file system'],
    ['a file below /usr after a remount', 'mount -o remount,rw /; touch /usr/new', 'Read-only file system'],
    ['a file of the package database', 'touch /usr/lib/bowline/release', 'Read-only file system'],
    ['the device of the root', 'dd if=/dev/zero of=/dev/mapper/root bs=4096 count=1', 'not permitted'],
  ] as const)('refuses to write %s', async ([, command, reason], ctx) => {
    const { exitCode, output } = await shared.of(ctx).run(command);
    expect([exitCode, new TextDecoder().decode(output)]).toEqual([1, expect.stringContaining(reason)]);
  });

  it('has made slot B, recovery and state on its disk', async (ctx) => {
    const machine = shared.of(ctx);
    const pairs = ['recovery', 'recovery-verity', 'root-a', 'root-a-verity', 'root-b', 'root-b-verity'];
    const labels = (await machine.ask('ls /dev/disk/by-partlabel')).split(/\s+/);
    expect(labels).toEqual(['bios-boot', 'bowline-state', 'esp', ...pairs]);
    const bytes = async (label: string): Promise<number> => {
      const device = (await machine.ask(`readlink -f /dev/disk/by-partlabel/${label}`)).replace('/dev/', '');
      return 512 * Number(await machine.ask(`cat /sys/class/block/${device}/size`));
    };
    expect(await bytes('root-b')).toBe(await bytes('root-a'));
    // All that is left of the disk, except what alignment takes.
    const end =
      'for p in vda*; do d=/sys/class/block/$p; echo $(( $(cat $d/start) + $(cat $d/size) )); done | sort -n | tail -n 1';
    const usedSectors = Number(await machine.ask(`cd /sys/class/block/vda && ${end}`));
    expect(Number(await machine.ask('cat /sys/class/block/vda/size')) - usedSectors).toBeLessThan(2 * 2048);
  });

  it('keeps /var, /home, /root and /oem on state, an ext4 that fills its partition', async (ctx) => {
    const machine = shared.of(ctx);
    const device = await machine.ask('readlink -f /dev/disk/by-partlabel/bowline-state');
    const mounts = await machine.ask('cat /proc/mounts');
    for (const place of ['/var', '/home', '/root', '/oem']) expect(mounts).toContain(`\n${device} ${place} ext4 rw,`);
    const partitionKiB = Number(await machine.ask(`cat /sys/class/block/${device.replace('/dev/', '')}/size`)) / 2;
    const fileSystemKiB = Number((await machine.ask('df -k /var | tail -n 1')).split(/\s+/)[1]);
    expect(fileSystemKiB).toBeGreaterThan(0.85 * partitionKiB);
  });

  it('has an /etc that can be written over the one of the image', async (ctx) => {
    const machine = shared.of(ctx);
    expect(await machine.ask("grep ' /etc ' /proc/mounts")).toMatch(/^overlay \/etc overlay rw,.*lowerdir=\S+\/etc,/);
    expect(await machine.ask('echo changed > /etc/os-release; cat /etc/os-release')).toBe('changed');
  });

  it('runs a program that is dynamically linked to musl', async (ctx) => {
    if (noProgram !== undefined) ctx.skip(noProgram);
    const machine = shared.of(ctx);
    expect(parseElf(await readFile(join(folder, 'hello'))).interpreter).toBe(`/${MUSL_LOADER.amd64}`);
    expect(await machine.ask('/usr/bin/hello')).toBe('linked to musl');
  });

  it('has no glibc outside /usr/lib/bowline', async (ctx) => {
    const names = ['ld-linux*', 'libc.so.6', 'libc-2*', 'libpthread.so*', 'nsswitch.conf'];
    const test = names.map((name) => `-name '${name}'`).join(' -o ');
    const found = await shared.of(ctx).ask(`find / -xdev -path /usr/lib/bowline -prune -o \\( ${test} \\) -print`);
    expect(found).toBe('');
  });

  it('hands over the cloud-config of the bowl, for root only', async (ctx) => {
    const machine = shared.of(ctx);
    expect(await machine.ask('cat /run/bowline/cloud-config/*')).toBe('#cloud-config\nhostname: from-the-bowl');
    expect(await machine.ask('find /run/bowline/cloud-config -perm /077')).toBe('');
    expect(await machine.ask('grep -c from-the-bowl /proc/cmdline || true')).toBe('0');
  });

  it('keeps state over a reboot, and nothing that was written to /etc', async (ctx) => {
    const machine = shared.of(ctx);
    const id = await machine.ask('cat /etc/machine-id');
    expect(id).toMatch(/^(?!0{32})[0-9a-f]{32}$/);
    const kept = ['/var/kept', '/home/kept', '/root/kept', '/oem/kept', '/opt/kept', '/srv/kept', '/usr/local/kept'];
    await machine.ask(`for f in ${kept.join(' ')} /etc/lost /tmp/lost /run/lost; do echo here > $f; done`);
    const bootId = await machine.ask('cat /proc/sys/kernel/random/boot_id');
    await machine.ask('(sleep 1; reboot) >/dev/null 2>&1 &');
    await machine.waitFor(/from-the-bowl login:/, BOOT_MS);
    expect(await machine.ask('cat /proc/sys/kernel/random/boot_id')).not.toBe(bootId);
    expect(await machine.ask(`cat ${kept.join(' ')}`)).toBe(kept.map(() => 'here').join('\n'));
    expect(await machine.ask('ls -d /etc/lost /tmp/lost /run/lost 2>/dev/null || true')).toBe('');
    expect(await machine.ask('cat /etc/os-release')).toContain('ID=tiny');
    expect(await machine.ask('cat /etc/machine-id')).toBe(id);
  });
});
