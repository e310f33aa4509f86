import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeTestMachine, type TestMachine } from '../machine/test-machine.testdata.ts';
import { modules } from './modules.ts';
import { addProgram, fileText, runPlugin, runTwice } from './run-plugin.testdata.ts';

let test: TestMachine;
beforeEach(async () => {
  test = await makeTestMachine({
    files: {
      '/proc/modules': 'snd_hda 16384 0 - Live 0x0\n',
      '/proc/sys/kernel/osrelease': '6.12.0-test\n',
      '/lib/modules/6.12.0-test/modules.builtin': 'kernel/fs/ext4/ext4.ko\nkernel/drivers/virtio/virtio_pci.ko.xz\n',
    },
  });
});
afterEach(() => test.remove());

const FAKE_MODPROBE =
  'echo "$@" >> $ROOT/asked; [ "$1" != bad ] || { echo "bad not found" >&2; exit 1; }; echo "$1 1 0" >> $ROOT/proc/modules';

describe('modules', () => {
  it('are loaded with their parameters, once', async () => {
    await addProgram(test, 'modprobe', FAKE_MODPROBE);
    expect(await runTwice(test, modules, ['dummy numdummies=2', 'loop'])).toEqual([true, false]);
    expect(await fileText(test, '/asked')).toBe('dummy numdummies=2\nloop\n');
  });

  it.each(['snd_hda', 'snd-hda', 'ext4', 'virtio-pci'])('that the kernel has (%s) need no modprobe', async (name) => {
    expect(await runTwice(test, modules, [name])).toEqual([false, false]);
  });

  it('fail one by one, with what modprobe says', async () => {
    await addProgram(test, 'modprobe', FAKE_MODPROBE);
    await expect(runPlugin(test, modules, ['bad', 'dummy'])).rejects.toThrow(
      /modprobe bad failed with exit code 1: bad not found/,
    );
    expect(await fileText(test, '/proc/modules')).toContain('dummy');
  });

  it('need modprobe', async () => {
    await expect(runPlugin(test, modules, ['dummy'])).rejects.toMatchObject({
      code: 'PROGRAM_MISSING',
      hint: expect.stringContaining('kmod'),
    });
  });

  it.each(['', '-r', '--remove x', 'dummy -r', '../x', 'a;b', 'a$(b)'])(
    'refuse %j, and load the others',
    async (name) => {
      await addProgram(test, 'modprobe', FAKE_MODPROBE);
      await expect(runPlugin(test, modules, [name, 'loop'])).rejects.toThrow(/no kernel module/);
      expect(await fileText(test, '/asked')).toBe('loop\n');
    },
  );
});
