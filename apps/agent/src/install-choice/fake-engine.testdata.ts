import { setTimeout as sleep } from 'node:timers/promises';
import { AgentError } from '../error.ts';
import type { InstallDisk, InstallPlan, InstallResult, InstallStep } from '../install/plan.ts';
import type { InstallWish } from '../install/wish.ts';
import type { InstallEngine } from './engine.ts';

const GIB = 2 ** 30;

export function fakeDisk(path: string, more: Partial<InstallDisk> = {}): InstallDisk {
  return {
    path,
    id: undefined,
    sizeBytes: 64 * GIB,
    sectorBytes: 512,
    model: 'QEMU HARDDISK',
    serial: path.slice(5).toUpperCase(),
    transport: 'virtio',
    removable: false,
    readOnly: false,
    isMedium: false,
    busy: undefined,
    content: [],
    installation: undefined,
    ...more,
  };
}

const FAKE_DISKS: readonly InstallDisk[] = [
  fakeDisk('/dev/vda'),
  fakeDisk('/dev/nvme0n1', {
    sizeBytes: 512 * GIB,
    model: 'Samsung SSD 980 PRO with a rather long name',
    transport: 'nvme',
    content: ['esp (vfat, 512 MiB)', 'root (ext4, 480 GiB)', 'swap (16 GiB)'],
    installation: 'edge 1.1',
  }),
  fakeDisk('/dev/sda', { sizeBytes: 16 * GIB, model: 'DataTraveler', transport: 'usb', isMedium: true }),
  fakeDisk('/dev/sdb', { model: 'Backup', transport: 'sata', busy: '/dev/sdb1 is mounted at /mnt' }),
];

const STEPS: readonly InstallStep[] = [
  { name: 'prepare', title: 'Look at the disk again', bytes: 0 },
  { name: 'wipe', title: 'Make the disk start nothing', bytes: 4 << 20 },
  { name: 'root', title: 'Write the system', bytes: 400 << 20 },
  { name: 'boot-files', title: 'Write the boot partition', bytes: 60 << 20 },
  { name: 'verify', title: 'Read back what was written', bytes: 460 << 20 },
  { name: 'table', title: 'Write the partition table', bytes: 0 },
];

/** An engine that writes nothing: it plans for the disks it is given, and reports the progress that a test lets happen. */
export class FakeInstallEngine implements InstallEngine {
  readonly wishes: InstallWish[] = [];
  readonly ran: InstallPlan[] = [];
  disksNow: readonly InstallDisk[] = FAKE_DISKS;
  /** What the run does; it may throw. */
  work: (report: (step: number, doneBytes: number) => void, signal: AbortSignal) => Promise<void> = async (report) => {
    for (const [index, { bytes }] of STEPS.entries()) {
      for (const part of [0, 0.5, 1]) {
        report(index, bytes * part);
        await sleep(2);
      }
    }
  };

  async disks(): Promise<InstallDisk[]> {
    return [...this.disksNow];
  }

  async plan(wish: InstallWish, reports: InstallPlan['reports']): Promise<InstallPlan> {
    this.wishes.push(wish);
    const disk = this.disksNow.find(({ path }) => path === wish.device);
    if (disk === undefined || disk.isMedium) {
      throw new AgentError({
        code: 'DISK_INVALID',
        message: `there is no disk ${wish.device}`,
        hint: 'Choose another.',
      });
    }
    return fakePlan(disk, wish, reports);
  }

  async run(plan: InstallPlan, { onProgress, signal }: Parameters<InstallEngine['run']>[1]): Promise<InstallResult> {
    this.ran.push(plan);
    const total = STEPS.reduce((sum, { bytes }) => sum + bytes, 0);
    const report = (stepIndex: number, doneBytes: number): void => {
      const step = STEPS[stepIndex];
      if (step === undefined) throw new Error(`no step ${stepIndex}`);
      const before = STEPS.slice(0, stepIndex).reduce((sum, { bytes }) => sum + bytes, 0);
      const totalDoneBytes = before + doneBytes;
      onProgress?.({ step, stepIndex, doneBytes, totalDoneBytes, totalBytes: total, secondsLeft: 95 });
    };
    await this.work(report, signal ?? new AbortController().signal);
    return { disk: plan.disk.path, system: plan.system, warnings: [], seconds: 61, writtenBytes: total };
  }
}

function fakePlan(disk: InstallDisk, wish: InstallWish, reports: InstallPlan['reports']): InstallPlan {
  const partition = (label: string, sizeBytes: number, startBytes?: number) => ({
    number: startBytes === undefined ? undefined : 1,
    role: label,
    label,
    sizeBytes,
    startBytes,
    fileSystem: undefined,
    typeGuid: '',
    partGuid: '',
    fileSystemLabel: '',
  });
  return {
    disk,
    erased: disk.content,
    system: {
      name: 'edge',
      version: '1.2',
      imageId: 'f'.repeat(64),
      arch: 'amd64',
      rootHash: '0'.repeat(64),
      rootBytes: 430_000_000,
      origin: 'this medium',
      signedBy: undefined,
    },
    source: wish.source,
    partitions: [
      partition('esp', GIB, 1 << 20),
      partition('root-a', 2 * GIB, GIB),
      partition('verity-a', 32 << 20, 3 * GIB),
      partition('root-b', 2 * GIB),
      partition('state', 4 * GIB),
    ],
    diskGuid: '00000000-0000-4000-8000-000000000000',
    title: 'edge 1.2',
    firmware: ['uefi', 'bios'],
    configurations: wish.configurations,
    after: wish.after,
    steps: STEPS,
    reports,
    warnings: ['the firmware of this machine is BIOS: the disk starts by GRUB'],
    env: wish.env,
  };
}
