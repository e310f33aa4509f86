import { constants, copyFile, mkdtemp, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { agentRefusal, askAgent, leave } from './fixtures/lifecycle/guest.ts';
import { withOwnDisk } from './fixtures/lifecycle/own-disk.ts';
import { type BuiltVersion, buildTinyVersion } from './fixtures/lifecycle/tiny-version.ts';
import { BOOT_MS, type TestMachine } from './fixtures/machine.ts';

const DISK_BYTES = 4 * 2 ** 30;
const STARTED = /tiny: started/;
let folder = '';
let built: BuiltVersion;
const disk = () => join(folder, 'machine.raw');

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bowline-reset-'));
  // A file of the image in /var, to come back.
  const extra = [{ path: 'var/of-the-image', content: 'image\n', mode: 0o644 }];
  built = await buildTinyVersion(folder, { version: '1', outputs: ['raw'], extra });
});

afterAll(() => rm(folder, { recursive: true, force: true }));

beforeEach(async () => {
  await rm(disk(), { force: true });
  await rm(`${disk()}.efivars`, { force: true });
  await copyFile(built.artefact('.raw'), disk(), constants.COPYFILE_FICLONE);
  await truncate(disk(), DISK_BYTES);
});

/** Puts something everywhere, and tells who the machine is. */
async function live(machine: TestMachine): Promise<string> {
  await machine.waitFor(STARTED, BOOT_MS);
  await machine.ask(
    'mkdir -p /var/lib/app /home/user; echo mine | tee /var/lib/app/data /var/lost /home/user/lost /root/lost /opt/lost ' +
      '/srv/lost /usr/local/lost >/dev/null; echo changed > /var/of-the-image; ' +
      'echo "#cloud-config" > /oem/90-mine.yaml; echo lost > /etc/lost; sync',
  );
  return machine.ask('cat /etc/machine-id');
}

const EVERYTHING =
  '/var/lib/app/data /var/lost /home/user/lost /root/lost /opt/lost /srv/lost /usr/local/lost /etc/lost';
const whatIsLeft = (machine: TestMachine) => machine.ask(`ls ${EVERYTHING} 2>/dev/null || true`);

describe('a reset of a machine', () => {
  it('empties its state, and keeps the version, /oem and what was named', async (ctx) => {
    await withOwnDisk(ctx, { disk: disk() }, async (machine) => {
      const id = await live(machine);
      const refused = await agentRefusal(machine, 'reset --keep /var/lib/app');
      expect(refused).toEqual({ exitCode: 2, text: expect.stringContaining('--yes') });
      expect(await askAgent(machine, 'reset --keep /var/lib/app --yes')).toMatchObject({ keep: ['var/lib/app'] });
      await leave(machine, 'reboot');
      await machine.waitFor(/RESET: done/, BOOT_MS);
      await machine.waitFor(STARTED, BOOT_MS);
      expect(await whatIsLeft(machine)).toBe('/var/lib/app/data');
      expect(await machine.ask('cat /var/lib/app/data /var/of-the-image; ls /oem')).toBe('mine\nimage\n90-mine.yaml');
      const newId = await machine.ask('cat /etc/machine-id');
      expect(newId).toMatch(/^[0-9a-f]{32}$/);
      expect(newId).not.toBe(id);
      // Once: the next start resets nothing.
      await machine.ask('echo stays > /var/stays; sync');
      await leave(machine, 'reboot');
      await machine.waitFor(STARTED, BOOT_MS);
      expect(await machine.ask('cat /var/stays /etc/machine-id')).toBe(`stays\n${newId}`);
    });
  });

  it('goes on after a power cut, and forgets nothing that was to stay', async (ctx) => {
    await withOwnDisk(ctx, { disk: disk() }, async (machine) => {
      await live(machine);
      await machine.ask('mkdir /var/many; cd /var/many; i=0; while [ $i -lt 3000 ]; do : > $i; i=$((i+1)); done; sync');
      await askAgent(machine, 'reset --keep /var/lib/app --yes');
      await leave(machine, 'reboot');
      await machine.waitFor(/RESET: the state of this machine is emptied/, BOOT_MS);
    });
    await withOwnDisk(ctx, { disk: disk() }, async (machine) => {
      await machine.waitFor(/RESET: done/, BOOT_MS);
      await machine.waitFor(STARTED, BOOT_MS);
      expect(await whatIsLeft(machine)).toBe('/var/lib/app/data');
      expect(await machine.ask('ls -d /var/many 2>/dev/null || ls /oem')).toBe('90-mine.yaml');
    });
  });

  it('makes a file system anew that cannot be mounted any more', async (ctx) => {
    await withOwnDisk(ctx, { disk: disk() }, async (machine) => {
      await live(machine);
      await askAgent(machine, 'reset --yes');
      // Nothing is left to repair.
      const state = '$(readlink -f /dev/disk/by-partlabel/bowline-state)';
      await leave(machine, `dd if=/dev/zero of=${state} bs=1M count=600; echo b >/proc/sysrq-trigger`);
      await machine.waitFor(/RESET: done/, BOOT_MS);
      await machine.waitFor(STARTED, BOOT_MS);
      expect(await whatIsLeft(machine)).toBe('');
      expect(await machine.ask('cat /var/of-the-image')).toBe('image');
    });
  });
});
