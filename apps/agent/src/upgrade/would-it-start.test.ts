import { createHash } from 'node:crypto';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeTestMachine, type TestMachine } from '../machine/test-machine.testdata.ts';
import { progressLines, progressText } from './progress-lines.ts';
import { findDiskDrivers, judgeDrivers } from './root-disk-drivers.ts';
import { judgeSecureBoot } from './secure-boot.ts';

let test: TestMachine;
beforeEach(async () => {
  test = await makeTestMachine();
});
afterEach(() => test.remove());

/** A device of sysfs with a driver from a module, or built into the kernel. */
async function device(path: string, driver?: string, module?: string): Promise<void> {
  const folder = join(test.root, 'sys/devices', path);
  await mkdir(folder, { recursive: true });
  if (driver === undefined) return;
  const driverFolder = join(test.root, 'sys/bus/drivers', driver);
  await mkdir(driverFolder, { recursive: true });
  await symlink(driverFolder, join(folder, 'driver'));
  if (module !== undefined) await symlink(`/sys/module/${module}`, join(driverFolder, 'module'));
}

describe('the drivers between a machine and its disk', () => {
  it('are those of all devices above it', async () => {
    await device('pci0000:00/0000:00:04.0', 'virtio-pci', 'virtio_pci');
    await device('pci0000:00/0000:00:04.0/virtio1', 'virtio_blk', 'virtio_blk');
    await device('pci0000:00/0000:00:04.0/virtio1/block/vda');
    await mkdir(join(test.root, 'sys/class/block'), { recursive: true });
    await symlink('../../devices/pci0000:00/0000:00:04.0/virtio1/block/vda', join(test.root, 'sys/class/block/vda'));
    const drivers = await findDiskDrivers(test.machine, 'vda');
    expect(drivers.map(({ module }) => module)).toEqual(['virtio_blk', 'virtio_pci']);
    expect(judgeDrivers(drivers, ['virtio-blk', 'virtio_pci'])).toEqual({
      present: ['virtio_blk', 'virtio_pci'],
      missing: [],
      unknown: [],
    });
    expect(judgeDrivers(drivers, ['virtio_pci']).missing).toEqual(['virtio_blk']);
  });

  it('are not called missing when the running kernel has them built in', () => {
    const drivers = [
      { driver: 'sd', module: undefined },
      { driver: 'some-host', module: undefined },
    ];
    expect(judgeDrivers(drivers, ['sd_mod'])).toEqual({ present: ['sd_mod'], missing: [], unknown: ['some_host'] });
  });
});

describe('Secure Boot', () => {
  const certificate = Buffer.concat([Buffer.from([0x30, 0x82, 0x01, 0x00]), Buffer.alloc(256, 7)]);
  const signer = createHash('sha256').update(certificate).digest('hex');
  const variable = async (name: string, value: Uint8Array) => {
    const folder = join(test.root, 'sys/firmware/efi/efivars');
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, name), Buffer.concat([Buffer.from([6, 0, 0, 0]), value]));
  };
  const isOn = () => variable('SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c', Buffer.from([1]));

  it('is no matter where it is off, or there is none', async () => {
    expect(await judgeSecureBoot(test.machine, signer, undefined)).toMatchObject({ verdict: 'off' });
    await variable('SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c', Buffer.from([0]));
    expect(await judgeSecureBoot(test.machine, signer, undefined)).toMatchObject({ verdict: 'off' });
  });

  it('takes what is signed with a certificate of the firmware, or that of the UKI that runs', async () => {
    await isOn();
    const around = Buffer.concat([Buffer.alloc(44, 0x30), certificate, Buffer.alloc(10)]);
    expect(await judgeSecureBoot(test.machine, signer, around)).toMatchObject({ verdict: 'trusted' });
    await variable('db-d719b2cb-3d3a-4596-a3bc-dad00e67656f', around);
    expect(await judgeSecureBoot(test.machine, signer, undefined)).toMatchObject({ verdict: 'trusted' });
  });

  it('is not judged where nobody knows', async () => {
    await isOn();
    expect(await judgeSecureBoot(test.machine, undefined, undefined)).toMatchObject({ verdict: 'not-checked' });
    expect(await judgeSecureBoot(test.machine, 'ab'.repeat(32), certificate)).toMatchObject({ verdict: 'not-checked' });
  });
});

describe('progress', () => {
  it('says phase, bytes and how long it will take', () => {
    const event = { phase: 'writing the root', doneBytes: 50e6, totalBytes: 200e6, fetchedBytes: 4_100_000 };
    expect(progressText(event, 10_000)).toBe('writing the root: 25 % (50.0 MB of 200.0 MB, 4.1 MB fetched), 30 s left');
    expect(progressText({ phase: 'noting the version' }, 0)).toBe('noting the version');
  });

  it('is one changing line on a terminal, and a line now and then elsewhere', () => {
    for (const isTerminal of [true, false]) {
      let [nowMs, text] = [0, ''];
      const lines = progressLines({ isTerminal, write: (part) => void (text += part), nowMs: () => nowMs });
      for (; nowMs < 30_000; nowMs += 50) lines.event({ phase: 'x', doneBytes: nowMs, totalBytes: 30_000 });
      lines.end();
      expect(text.split('\n').length - 1).toBe(isTerminal ? 0 : 3);
      expect(text.endsWith(isTerminal ? '\r\u001b[K' : '\n')).toBe(true);
    }
  });
});
