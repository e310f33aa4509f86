import { describe, expect, it } from 'vitest';
import type { MachinePlan } from './plan.ts';
import { qemuArgv } from './qemu-argv.ts';

const PLAN: MachinePlan = {
  arch: 'amd64',
  accelerator: 'tcg',
  memoryMiB: 1024,
  cpus: 1,
  firmware: {
    kind: 'uefi',
    codePath: '/usr/share/OVMF/OVMF_CODE_4M.fd',
    variablesPath: '/srv/x.raw.boot/efivars.fd',
    secureBoot: false,
  },
  media: [{ kind: 'disk', path: '/srv/x.raw.boot/disk.qcow2', format: 'qcow2', durable: true }],
  network: {},
  runFolder: '/tmp/vm',
  shell: false,
};

/** Options as one line each, so that a difference is easy to see. */
function lines(plan: MachinePlan): string[] {
  return qemuArgv(plan)
    .join(' ')
    .split(/ (?=-)/);
}

describe('qemuArgv', () => {
  it('starts a disk image by UEFI', () => {
    expect(lines(PLAN)).toEqual([
      'qemu-system-x86_64',
      '-name bowline',
      '-nodefaults',
      '-no-user-config',
      '-display none',
      '-machine q35,graphics=off',
      '-accel tcg,tb-size=256',
      '-cpu max,-erms',
      '-m 1024M',
      '-smp 1',
      '-rtc base=utc',
      '-device virtio-rng-pci',
      '-drive if=pflash,unit=0,format=raw,readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M.fd',
      '-drive if=pflash,unit=1,format=raw,file=/srv/x.raw.boot/efivars.fd',
      '-drive if=none,id=medium0,format=qcow2,file=/srv/x.raw.boot/disk.qcow2,cache=writeback,discard=unmap',
      '-device virtio-blk-pci,drive=medium0,bootindex=1',
      '-netdev user,id=net0',
      '-device virtio-net-pci,netdev=net0,romfile=',
      '-chardev stdio,id=console,signal=off',
      '-serial chardev:console',
      '-chardev socket,id=control,path=/tmp/vm/control.sock,server=on,wait=off',
      '-mon chardev=control,mode=control',
    ]);
  });

  it('starts an arm64 debug image with a console for the shell', () => {
    const argv = lines({ ...PLAN, arch: 'arm64', shell: true, accelerator: 'kvm' });
    expect(argv).toContain('-machine virt');
    expect(argv).toContain('-cpu host');
    expect(argv.slice(-5)).toEqual([
      '-chardev socket,id=shell,path=/tmp/vm/shell.sock,server=on,wait=off',
      '-device virtio-serial-pci',
      '-device virtconsole,chardev=shell',
      '-chardev socket,id=control,path=/tmp/vm/control.sock,server=on,wait=off',
      '-mon chardev=control,mode=control',
    ]);
  });

  it('gives an amd64 debug image a second serial port, after the console', () => {
    const argv = lines({ ...PLAN, shell: true });
    expect(argv.filter((line) => line.startsWith('-serial'))).toEqual([
      '-serial chardev:console',
      '-serial chardev:shell',
    ]);
  });

  it('has Secure Boot with protected variables', () => {
    const firmware = { ...PLAN.firmware, secureBoot: true } as MachinePlan['firmware'];
    const argv = lines({ ...PLAN, firmware });
    expect(argv).toContain('-machine q35,graphics=off,smm=on');
    expect(argv).toContain('-global driver=cfi.pflash01,property=secure,value=on');
  });

  it('connects a TPM by the device of the architecture', () => {
    expect(lines({ ...PLAN, tpmStateFolder: '/s/tpm' })).toContain('-device tpm-tis,tpmdev=tpm0');
    expect(lines({ ...PLAN, arch: 'arm64', tpmStateFolder: '/s/tpm' })).toContain('-device tpm-tis-device,tpmdev=tpm0');
  });

  it('starts without a disk from the network by BIOS', () => {
    const network = { tftp: { folder: '/srv/net', bootFile: 'boot.ipxe' } };
    const argv = lines({ ...PLAN, firmware: { kind: 'bios' }, media: [], network });
    expect(argv).toContain('-netdev user,id=net0,tftp=/srv/net,bootfile=boot.ipxe');
    expect(argv).toContain('-device virtio-net-pci,netdev=net0,bootindex=1');
    expect(argv.join(' ')).not.toContain('pflash');
  });

  it('leads a port of this machine only to SSH', () => {
    expect(lines({ ...PLAN, network: { sshPort: 2222 } })).toContain(
      '-netdev user,id=net0,hostfwd=tcp:127.0.0.1:2222-:22',
    );
  });

  it('never opens an ISO or a UKI for writing', () => {
    const iso = qemuArgv({ ...PLAN, media: [{ kind: 'cdrom', path: '/a.iso' }] });
    const uki = qemuArgv({ ...PLAN, media: [{ kind: 'fat-folder', path: '/esp' }] });
    expect(iso).toContain('if=none,id=medium0,format=raw,readonly=on,media=cdrom,file=/a.iso');
    expect(uki).toContain('if=none,id=medium0,format=raw,readonly=on,file=fat:/esp');
  });

  it('doubles commas, which QEMU would take for the next option', () => {
    const media = [{ kind: 'cdrom', path: '/a,readonly=off.iso' }] as const;
    expect(qemuArgv({ ...PLAN, media }).join(' ')).toContain('file=/a,,readonly=off.iso');
    expect(qemuArgv({ ...PLAN, serialLogPath: '/l,og' }).join(' ')).toContain('logfile=/l,,og');
  });
});
