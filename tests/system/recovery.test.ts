import { constants, copyFile, mkdtemp, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { askAgent, leave, untilAgent } from './fixtures/lifecycle/guest.ts';
import { withOwnDisk } from './fixtures/lifecycle/own-disk.ts';
import { buildTinyVersion } from './fixtures/lifecycle/tiny-version.ts';
import { BOOT_MS } from './fixtures/machine.ts';

const DISK_BYTES = 4 * 2 ** 30;
const STARTED = /tiny: started/;
/** A version that proved itself is given up after so many starts that do not come as far as its init. */
const MOST_STARTS = 5;

interface Menu {
  running: number | 'recovery' | null;
  entries: { generation: number | 'recovery'; tries: 'good' | { left: number; done: number } }[];
}
const hasRecovery = ({ entries }: Menu): boolean => entries.some(({ generation }) => generation === 'recovery');

let folder = '';
const disk = () => join(folder, 'machine.raw');

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bowline-recovery-'));
  const built = await buildTinyVersion(folder, { version: '1', outputs: ['raw'], more: 'checks: { within: 60s }' });
  await copyFile(built.artefact('.raw'), disk(), constants.COPYFILE_FICLONE);
  await truncate(disk(), DISK_BYTES);
});

afterAll(() => rm(folder, { recursive: true, force: true }));

describe('the recovery of a machine', () => {
  it('is made by itself after a start that was found healthy', async (ctx) => {
    await withOwnDisk(ctx, { disk: disk() }, async (machine) => {
      await machine.waitFor(STARTED, BOOT_MS);
      const menu = await untilAgent<Menu>(machine, 'bootentry', hasRecovery, BOOT_MS);
      expect(menu.entries.map(({ generation }) => generation)).toEqual([1, 'recovery']);
      await machine.ask(
        'echo mine > /var/kept; echo "#cloud-config" > /oem/90-mine.yaml; cat /etc/machine-id > /var/id',
      );
      await machine.ask('sync');
    });
  });

  it('starts by its entry, once, with the configuration and the state of the machine', async (ctx) => {
    await withOwnDisk(ctx, { disk: disk() }, async (machine) => {
      await machine.waitFor(STARTED, BOOT_MS);
      await machine.ask('/usr/lib/bowline/bowline-agent bootentry select recovery');
      await leave(machine, 'reboot');
      await machine.waitFor(/RECOVERY of tiny 1 is ready/, BOOT_MS);
      await machine.waitFor(STARTED, BOOT_MS);
      expect(await machine.ask('grep MODE /run/bowline/boot.conf')).toBe('MODE=recovery');
      expect(await machine.ask('cat /run/bowline/machine-state/var/kept; ls /oem /var/kept 2>/dev/null || true')).toBe(
        'mine\n/oem:\n90-mine.yaml',
      );
      expect(await machine.ask('cat /etc/machine-id')).toBe(await machine.ask('cat /run/bowline/machine-state/var/id'));
      expect(await machine.ask('cat /etc/issue')).toContain('bowline-agent reset');
      const slot = await machine.ask('readlink -f /dev/disk/by-partlabel/recovery');
      expect(await machine.ask('ls /sys/block/dm-0/slaves')).toContain(slot.replace('/dev/', ''));
      await leave(machine, 'reboot');
      await machine.waitFor(STARTED, BOOT_MS);
      expect(await machine.ask('grep MODE /run/bowline/boot.conf; cat /var/kept')).toBe('MODE=disk\nmine');
    });
  });

  it('starts by itself when the only version does not come as far as its init any more, and tells why', async (ctx) => {
    if (process.env['BOWLINE_TEST_ALL'] !== '1') ctx.skip('only with --all: seven starts of a machine');
    await withOwnDisk(ctx, { disk: disk() }, async (machine) => {
      await machine.waitFor(STARTED, BOOT_MS);
      // The hash tree: the root cannot be opened.
      const tree = '$(readlink -f /dev/disk/by-partlabel/root-a-verity)';
      await leave(machine, `dd if=/dev/zero of=${tree} bs=4096 count=1; sync; echo b >/proc/sysrq-trigger`);
      for (let count = 0; count < MOST_STARTS; count += 1) {
        await machine.waitFor(/cannot start: no disk has the root/, BOOT_MS);
      }
      await machine.waitFor(/bowline-1 was started 5 times .* the machine goes back/, BOOT_MS);
      await machine.waitFor(/RECOVERY of tiny 1 is ready/, BOOT_MS);
      await machine.waitFor(STARTED, BOOT_MS);
      const { running, entries } = await askAgent<Menu>(machine, 'bootentry');
      expect(running).toBe('recovery');
      expect(entries.find(({ generation }) => generation === 1)?.tries).toMatchObject({ left: 0 });
      const esp = 'mkdir -p /tmp/esp; mount -t vfat -o ro $(readlink -f /dev/disk/by-partlabel/esp) /tmp/esp';
      expect(await machine.ask(`${esp}; cat /tmp/esp/bowline/reason; umount /tmp/esp`)).toMatch(
        /^bowline-1 it was started 5 times in a row/,
      );
      expect(await machine.ask('cat /run/bowline/machine-state/var/kept')).toBe('mine');
    });
  }, 3_600_000);
});
