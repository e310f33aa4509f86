import { join } from 'node:path';
import type { Firmware, MachineNetwork, MachinePlan, Medium } from './plan.ts';

const TRANSLATION_CACHE_MIB = 256;

/** The sockets of a machine, by what they are for. */
export function machineSockets(runFolder: string): { control: string; shell: string; tpm: string } {
  return {
    control: join(runFolder, 'control.sock'),
    shell: join(runFolder, 'shell.sock'),
    tpm: join(runFolder, 'tpm.sock'),
  };
}

/**
 * The QEMU command line of a planned machine. Pure: the same plan gives the same words.
 * The first serial port is QEMU's standard input and output.
 */
export function qemuArgv(plan: MachinePlan): [string, ...string[]] {
  const sockets = machineSockets(plan.runFolder);
  return [
    plan.arch === 'amd64' ? 'qemu-system-x86_64' : 'qemu-system-aarch64',
    '-name',
    'bowline',
    '-nodefaults',
    '-no-user-config',
    '-display',
    'none',
    ...machineArgs(plan),
    '-m',
    `${plan.memoryMiB}M`,
    '-smp',
    String(plan.cpus),
    '-rtc',
    'base=utc',
    '-device',
    'virtio-rng-pci',
    ...firmwareArgs(plan.firmware),
    ...plan.media.flatMap((medium, index) => mediumArgs(plan, medium, index)),
    ...networkArgs(plan.network, plan.media.length + 1),
    ...(plan.tpmStateFolder === undefined ? [] : tpmArgs(plan, sockets.tpm)),
    ...consoleArgs(plan, sockets.shell),
    '-chardev',
    `socket,id=control,path=${escapeValue(sockets.control)},server=on,wait=off`,
    '-mon',
    'chardev=control,mode=control',
  ];
}

/** QEMU splits option values at commas; a doubled one is a comma of the value. */
function escapeValue(value: string): string {
  return value.replaceAll(',', ',,');
}

function machineArgs(plan: MachinePlan): string[] {
  const kvm = plan.accelerator === 'kvm';
  if (plan.arch === 'arm64') {
    // TCG emulates ARM's pointer authentication with an expensive cipher unless told to use a cheap one.
    const cpu = plan.cpuModel ?? (kvm ? 'host' : 'max,pauth-impdef=on');
    return ['-machine', 'virt', ...acceleratorArgs(plan), '-cpu', cpu];
  }
  const secure = plan.firmware.kind === 'uefi' && plan.firmware.secureBoot;
  // graphics=off sends the BIOS's and its boot loader's messages to the serial port.
  const machine = `q35,graphics=off${secure ? ',smm=on' : ''}`;
  // Every store to a page walks all code that was ever translated from it: clear pages by eight bytes, not by one.
  return ['-machine', machine, ...acceleratorArgs(plan), '-cpu', plan.cpuModel ?? (kvm ? 'host' : 'max,-erms')];
}

/**
 * The default of 1 GiB keeps millions of stale translations, and with them a copy of 20 MiB by the firmware after a restart took
 * more than ten minutes.
 */
function acceleratorArgs({ accelerator }: MachinePlan): string[] {
  return ['-accel', accelerator === 'tcg' ? `tcg,tb-size=${TRANSLATION_CACHE_MIB}` : accelerator];
}

function firmwareArgs(firmware: Firmware): string[] {
  if (firmware.kind === 'bios') return [];
  return [
    ...(firmware.secureBoot ? ['-global', 'driver=cfi.pflash01,property=secure,value=on'] : []),
    '-drive',
    `if=pflash,unit=0,format=raw,readonly=on,file=${escapeValue(firmware.codePath)}`,
    '-drive',
    `if=pflash,unit=1,format=raw,file=${escapeValue(firmware.variablesPath)}`,
  ];
}

function mediumArgs(plan: MachinePlan, medium: Medium, index: number): string[] {
  const id = `medium${index}`;
  const boot = `bootindex=${index + 1}`;
  switch (medium.kind) {
    case 'disk': {
      const cache = medium.durable ? 'writeback' : 'unsafe';
      const file = diskFile(medium);
      const drive = `if=none,id=${id},${file},cache=${cache},discard=unmap`;
      return ['-drive', drive, '-device', `virtio-blk-pci,drive=${id},${boot}`];
    }
    case 'cdrom': {
      const drive = `if=none,id=${id},format=raw,readonly=on,media=cdrom,file=${escapeValue(medium.path)}`;
      return plan.arch === 'amd64'
        ? ['-drive', drive, '-device', `ide-cd,drive=${id},${boot}`]
        : ['-drive', drive, '-device', 'virtio-scsi-pci', '-device', `scsi-cd,drive=${id},${boot}`];
    }
    case 'fat-folder': {
      const drive = `if=none,id=${id},format=raw,readonly=on,file=fat:${escapeValue(medium.path)}`;
      return ['-drive', drive, '-device', `virtio-blk-pci,drive=${id},${boot}`];
    }
  }
}

function diskFile({ path, format, writeLogPath }: Extract<Medium, { kind: 'disk' }>): string {
  if (writeLogPath === undefined) return `format=${format},file=${escapeValue(path)}`;
  return [
    'driver=blklogwrites',
    `file.driver=${format}`,
    'file.file.driver=file',
    `file.file.filename=${escapeValue(path)}`,
    'log.driver=raw',
    'log.file.driver=file',
    `log.file.filename=${escapeValue(writeLogPath)}`,
  ].join(',');
}

function networkArgs(network: MachineNetwork, bootIndex: number): string[] {
  const forward = network.sshPort === undefined ? '' : `,hostfwd=tcp:127.0.0.1:${network.sshPort}-:22`;
  const tftp =
    network.tftp === undefined
      ? ''
      : `,tftp=${escapeValue(network.tftp.folder)},bootfile=${escapeValue(network.tftp.bootFile)}`;
  // An empty romfile: without network boot the card's boot ROM (package ipxe-qemu) is not needed.
  const rom = network.tftp === undefined ? ',romfile=' : `,bootindex=${bootIndex}`;
  return ['-netdev', `user,id=net0${forward}${tftp}`, '-device', `virtio-net-pci,netdev=net0${rom}`];
}

function tpmArgs(plan: MachinePlan, socket: string): string[] {
  return [
    '-chardev',
    `socket,id=tpm,path=${escapeValue(socket)}`,
    '-tpmdev',
    'emulator,id=tpm0,chardev=tpm',
    '-device',
    `${plan.arch === 'amd64' ? 'tpm-tis' : 'tpm-tis-device'},tpmdev=tpm0`,
  ];
}

function consoleArgs(plan: MachinePlan, shellSocket: string): string[] {
  const log = plan.serialLogPath === undefined ? '' : `,logfile=${escapeValue(plan.serialLogPath)},logappend=off`;
  const console = ['-chardev', `stdio,id=console,signal=off${log}`, '-serial', 'chardev:console'];
  if (!plan.shell) return console;
  const shell = ['-chardev', `socket,id=shell,path=${escapeValue(shellSocket)},server=on,wait=off`];
  return plan.arch === 'amd64'
    ? [...console, ...shell, '-serial', 'chardev:shell']
    : [...console, ...shell, '-device', 'virtio-serial-pci', '-device', 'virtconsole,chardev=shell'];
}
