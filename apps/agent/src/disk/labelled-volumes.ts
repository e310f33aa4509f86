import type { Machine } from '../machine/machine.ts';
import { type BlockDevice, listBlockDevices } from './block-devices.ts';
import { withDevice } from './device-bytes.ts';
import { type FileSystemFound, probeFileSystem } from './file-system-label.ts';

/** A device with a file system on it. */
export interface LabelledVolume {
  device: BlockDevice;
  fileSystem: FileSystemFound;
}

/** All volumes of the machine whose superblock can be read; devices that give errors (an empty drive) are left out. */
export async function listVolumes(machine: Machine, signal = machine.signal): Promise<LabelledVolume[]> {
  const volumes: LabelledVolume[] = [];
  for (const device of await listBlockDevices(machine)) {
    signal.throwIfAborted();
    const found = await withDevice(machine.locate(device.path), probeFileSystem, signal).catch(() => undefined);
    if (found !== undefined) volumes.push({ device, fileSystem: found });
  }
  return volumes;
}
