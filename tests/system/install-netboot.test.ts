import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { withOwnDisk } from './fixtures/lifecycle/own-disk.ts';
import { type BuiltVersion, buildTinyVersion } from './fixtures/lifecycle/tiny-version.ts';
import { BOOT_MS, withMachine } from './fixtures/machine.ts';

const isAll = process.env['BOWLINE_TEST_ALL'] === '1';
const AGENT = '/usr/lib/bowline/bowline-agent';

let folder = '';
let built: BuiltVersion;
const disk = () => join(folder, 'machine.raw');

beforeAll(async () => {
  if (!isAll) return;
  folder = await mkdtemp(join(tmpdir(), 'bowline-install-netboot-'));
  built = await buildTinyVersion(folder, { version: '1', outputs: ['netboot'] });
});

afterAll(async () => {
  if (isAll) await rm(folder, { recursive: true, force: true });
});

describe('a machine that was started over the network', () => {
  it('installs what it runs: root and boot files outlive the initramfs they came in', async (ctx) => {
    if (!isAll) ctx.skip('part of ./bowline test --all');
    const request = { imagePath: built.artefact('-netboot'), snapshot: true, disks: [{ path: disk() }] };
    await withMachine(ctx, request, async (machine) => {
      await machine.waitFor(/tiny: started/, BOOT_MS);
      const refused = await machine.ask(`${AGENT} install /dev/loop0 --yes 2>&1 || true`);
      expect(refused).toContain('DISK_INVALID');
      const output = await machine.ask(`${AGENT} install auto --yes 2>&1`);
      expect(output).toContain('from what was started over the network');
      expect(output).toMatch(/tiny 1 is installed on \/dev\/vda .*read back and is right/);
      const again = await machine.ask(`${AGENT} install auto --yes 2>&1 || true`);
      expect(again).toMatch(/holds an installation.*\n.*--force/);
      await machine.ask('sync');
    });
    await withOwnDisk(ctx, { disk: disk() }, async (machine) => {
      await machine.waitFor(/tiny: started/, BOOT_MS);
      expect(await machine.ask('cat /proc/cmdline')).not.toContain('bowline.netboot');
    });
  });
});
