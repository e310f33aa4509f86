import type { SystemNeed } from '@bowline/host';
import type { BootableImage } from '@bowline/image';
import type { Arch } from '@bowline/spec';
import { firmwareCandidates } from './firmware.ts';

/** What of a wish decides what the host must have. */
export interface NeedsRequest {
  bios?: boolean | undefined;
  secureBoot?: boolean | undefined;
  tpm?: boolean | undefined;
}

/** QEMU's iPXE is started by the PC's BIOS; everything else starts by UEFI unless told otherwise. */
export function machineFirmware(request: NeedsRequest, image: Pick<BootableImage, 'arch' | 'kind'>): 'bios' | 'uefi' {
  if (request.bios) return 'bios';
  return image.kind === 'netboot' && image.arch === 'amd64' && !request.secureBoot ? 'bios' : 'uefi';
}

/** Programs and files of the host that a machine for an image needs, and nothing more. */
export function machineNeeds(request: NeedsRequest, image: Pick<BootableImage, 'arch' | 'kind'>): SystemNeed[] {
  const needs = [QEMU[image.arch]];
  if (machineFirmware(request, image) === 'uefi') {
    const [first, ...rest] = firmwareCandidates(image.arch, request.secureBoot ?? false).map((files) => files.code);
    const debianPackage = image.arch === 'amd64' ? 'ovmf' : 'qemu-efi-aarch64';
    const title = `UEFI for ${image.arch} machines`;
    if (first !== undefined) needs.push({ title, anyOf: [first, ...rest], debianPackages: [debianPackage] });
  }
  if (image.kind === 'raw' || image.kind === 'qcow2' || image.kind === 'raw-zst') needs.push(QEMU_IMG);
  if (image.kind === 'netboot') needs.push(IPXE);
  if (request.tpm) needs.push(SWTPM);
  return needs;
}

const QEMU: Readonly<Record<Arch, SystemNeed>> = {
  amd64: { title: 'QEMU for x86_64', anyOf: ['qemu-system-x86_64'], debianPackages: ['qemu-system-x86'] },
  arm64: { title: 'QEMU for aarch64', anyOf: ['qemu-system-aarch64'], debianPackages: ['qemu-system-arm'] },
};
const QEMU_IMG: SystemNeed = { title: 'qemu-img', anyOf: ['qemu-img'], debianPackages: ['qemu-utils'] };
const SWTPM: SystemNeed = { title: 'a TPM emulator (swtpm)', anyOf: ['swtpm'], debianPackages: ['swtpm'] };
const IPXE: SystemNeed = {
  title: 'boot ROMs for network cards (iPXE)',
  anyOf: ['/usr/lib/ipxe/qemu/efi-virtio.rom', '/usr/share/qemu/efi-virtio.rom'],
  debianPackages: ['ipxe-qemu'],
};
