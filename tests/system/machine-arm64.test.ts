import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bowline, bowlineJson } from './fixtures/cli.ts';
import { BOOT_MS, type Skippable, withMachine } from './fixtures/machine.ts';
import { writePinnedBowl } from './fixtures/tiny-build.ts';
import { writeTinyBowl } from './fixtures/tiny-root.ts';

const BINFMT = '/proc/sys/fs/binfmt_misc';
let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bowline-arm64-'));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

/** These tests are about a host that cannot execute arm64 programs. */
async function requireForeignHost(ctx: Skippable): Promise<void> {
  if (process.arch !== 'x64') ctx.skip('this machine is not an amd64 one');
  const handlers = await readdir(BINFMT).catch((): string[] => []);
  if (handlers.includes('qemu-aarch64')) {
    const state = await readFile(join(BINFMT, 'qemu-aarch64'), 'utf8');
    if (state.startsWith('enabled')) ctx.skip('qemu-user is registered here, so arm64 programs run');
  }
}

describe('an arm64 bowl on an amd64 host without qemu-user', () => {
  it('builds from a rootfs base, and starts on an arm64 machine', async (ctx) => {
    await requireForeignHost(ctx);
    const bowl = join(folder, 'bowl');
    await writePinnedBowl(bowl, 'outputs: [raw]', [], 'arm64');
    await bowlineJson(['build', bowl, '--debug', '--out', join(folder, 'out')]);
    await withMachine(ctx, { imagePath: join(folder, 'out/tiny'), snapshot: true }, async (machine) => {
      await machine.waitFor(/tiny: started/, BOOT_MS);
      await machine.waitFor(/login:/, BOOT_MS);
      expect(await machine.ask('uname -m')).toBe('aarch64');
      expect(await machine.ask('bowline-agent version')).toMatch(/^\d+\.\d+\.\d+$/);
      expect(await machine.ask('grep -c \'"stage":"initramfs"\' /run/bowline/stages.json')).toBe('1');
      expect(await machine.ask("grep ' / ' /proc/mounts")).toMatch(/^\/dev\/mapper\/root \/ squashfs ro,/);
      expect(await machine.ask("grep ' /var ' /proc/mounts")).toMatch(/^\/dev\/vda\d+ \/var ext4 rw,/);
    });
  });

  it.for([
    ['a debian: base', 'base: { debian: { suite: trixie } }\n'],
    ['packages:', 'base: { rootfs: bowl/root.tar }\npackages: [hello]\n'],
    ['a Dockerfile with RUN', 'base: { dockerfile: { path: Dockerfile } }\n'],
  ])('refuses %s, which executes programs of the image, and names the cure', async ([, yaml], ctx) => {
    await requireForeignHost(ctx);
    await writeTinyBowl(join(folder, 'bowl'), 'arm64', '', [{ path: 'usr/bin/apt-get', mode: 0o755, content: '' }]);
    await writeFile(join(folder, 'Dockerfile'), 'FROM scratch\nRUN true\n');
    const head = 'apiVersion: bowline/v1\nname: foreign\nversion: "1"\narch: [arm64]\n';
    const kernel = 'kernel: { debian: { suite: trixie, package: linux-image-cloud-arm64 } }\n';
    await writeFile(join(folder, 'foreign.yaml'), head + yaml + kernel);
    const run = await bowline(['build', join(folder, 'foreign.yaml'), '--out', join(folder, 'no'), '--json']);
    expect(JSON.parse(run.stdout)).toMatchObject({
      error: { code: 'FOREIGN_ARCH', hint: expect.stringContaining('apt-get install qemu-user-static') },
    });
    expect(run.exitCode).toBe(3);
    expect(await readdir(folder)).not.toContain('no');
  });
});
