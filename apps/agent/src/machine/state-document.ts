import { readdir, readFile, readlink } from 'node:fs/promises';
import { basename } from 'node:path';
import { STATE_FOLDER, STATE_LABEL } from '@bowline/os-layout';
import { type BootState, readBootState } from './boot-state.ts';
import type { Machine } from './machine.ts';
import { type RunningImage, readRunningImage } from './running-image.ts';

/** A partition of the machine. */
export interface PartitionState {
  /** Name in the partition table. */
  label: string;
  /** `/dev/vda3`. */
  device: string;
  sizeBytes: number;
  /** Empty when it is not mounted. */
  mountPoint: string;
  filesystem: string;
}

/** What the machine is now. Names of keys and boot states are those of Kairos where they mean the same. */
export interface StateDocument {
  boot: BootState;
  image: RunningImage;
  kernel: { release: string };
  partitions: PartitionState[];
  /** Where data outlives an upgrade. */
  persistent: { found: boolean; mounted: boolean; label: string; mount_point: string };
  encryption: { enabled: boolean };
  system: { os: { name: string; id: string; version: string }; arch: string; init: string; hostname: string };
}

const MAX_PARTITIONS = 128;

/** Looks at the machine. What cannot be found out is empty. */
export async function readState(machine: Machine): Promise<StateDocument> {
  const read = (path: string) => readFile(machine.locate(path), 'utf8').catch(() => '');
  const commandLine = await read('/proc/cmdline');
  const [image, facts] = [await readRunningImage(machine), await machine.facts()];
  const mounts = parseMounts(await read('/proc/self/mountinfo'));
  const state = mounts.find(({ mountPoint }) => mountPoint === STATE_FOLDER);
  const partitions = await readPartitions(machine, mounts);
  return {
    boot: (await readBootState(machine)) ?? bootState(commandLine, image, state !== undefined),
    image,
    kernel: { release: (await read('/proc/sys/kernel/osrelease')).trim() },
    partitions,
    persistent: {
      found: state !== undefined || partitions.some(({ label }) => label === STATE_LABEL),
      mounted: state !== undefined,
      label: STATE_LABEL,
      mount_point: state?.mountPoint ?? '',
    },
    encryption: { enabled: false },
    system: {
      os: { name: facts.osName, id: facts.osId, version: facts.osVersion },
      arch: facts.arch,
      init: facts.serviceManager,
      hostname: facts.hostname,
    },
  };
}

/** For a machine whose initrd left no word. The ID of the image is for root only; that state is mounted tells others as much. */
function bootState(commandLine: string, image: RunningImage, hasState: boolean): StateDocument['boot'] {
  if (/(?:^|\s)bowline\.(?:live|netboot)(?:=|\s|$)/.test(commandLine)) return 'livecd_boot';
  return image.id === '' && !hasState ? 'unknown_boot' : 'active_boot';
}

interface Mount {
  device: string;
  mountPoint: string;
  filesystem: string;
}

/** mountinfo of proc(5): after `-` stand file system and device. */
function parseMounts(text: string): Mount[] {
  return text.split('\n').flatMap((line) => {
    const [left = '', right = ''] = line.split(' - ');
    const mountPoint = left.split(' ')[4];
    const [filesystem, device] = right.split(' ');
    if (mountPoint === undefined || filesystem === undefined || device === undefined) return [];
    const decoded = mountPoint.replaceAll(/\\([0-7]{3})/g, (_all, octal: string) =>
      String.fromCharCode(Number.parseInt(octal, 8)),
    );
    return [{ device, filesystem, mountPoint: decoded }];
  });
}

async function readPartitions(machine: Machine, mounts: readonly Mount[]): Promise<PartitionState[]> {
  const folder = '/dev/disk/by-partlabel';
  const labels = await readdir(machine.locate(folder)).catch(() => []);
  const partitions: PartitionState[] = [];
  for (const label of labels.toSorted((a, b) => (a < b ? -1 : 1)).slice(0, MAX_PARTITIONS)) {
    const target = await readlink(machine.locate(`${folder}/${label}`)).catch(() => '');
    if (target === '') continue;
    const name = basename(target);
    const sectors = await readFile(machine.locate(`/sys/class/block/${name}/size`), 'utf8').catch(() => '0');
    const mount = mounts.find(({ device }) => device === `/dev/${name}`);
    partitions.push({
      // udev writes what is no plain character as \xNN.
      label: label.replaceAll(/\\x([0-9a-f]{2})/g, (_all, hex: string) =>
        String.fromCharCode(Number.parseInt(hex, 16)),
      ),
      device: `/dev/${name}`,
      sizeBytes: Number(sectors.trim()) * 512,
      mountPoint: mount?.mountPoint ?? '',
      filesystem: mount?.filesystem ?? '',
    });
  }
  return partitions;
}
