import { gunzipSync } from 'node:zlib';
import type { Arch } from '@bowline/spec';

/** Largest kernel after unpacking; arm64 images of distributions are about 40 to 60 MiB. */
const MAX_IMAGE_BYTES = 256 * 2 ** 20;

/** What the bytes of a kernel file are. */
export type KernelImage =
  | {
      kind: 'bootable';
      arch: Arch;
      /** What UEFI starts: unpacked where the file was gzip. */
      image: Uint8Array;
      /** `uname -r` where the image says it (x86). */
      version: string | undefined;
    }
  | { kind: 'unusable'; why: string };

const PE_MACHINE: Readonly<Record<number, Arch>> = { 0x8664: 'amd64', 0xaa64: 'arm64' };

/**
 * Reads the header of a kernel file.
 * Sources: Linux Documentation/arch/x86/boot.rst (bzImage), Documentation/arch/arm64/booting.rst (Image),
 * drivers/firmware/efi/libstub/zboot-header.S (EFI zboot), RFC 1952 (gzip).
 */
export function readKernelImage(bytes: Uint8Array): KernelImage {
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) return readPacked(bytes);
  if (bytes.length < 1024) return { kind: 'unusable', why: 'it is shorter than any kernel' };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(0) === 0x7f454c46)
    return { kind: 'unusable', why: 'it is an ELF vmlinux, which UEFI cannot start; bzImage or Image is needed' };
  if (ascii(bytes, 0x202, 4) === 'HdrS' && view.getUint16(0x1fe, true) === 0xaa55) return readBzImage(bytes, view);
  // Before zboot: its header has no ARM magic.
  if (ascii(bytes, 0x38, 4) === 'ARM\x64') return { kind: 'bootable', arch: 'arm64', image: bytes, version: undefined };
  const pe = ascii(bytes, 0, 2) === 'MZ' ? view.getUint32(0x3c, true) : bytes.length;
  if (pe + 6 <= bytes.length && ascii(bytes, pe, 4) === 'PE\0\0') {
    const arch = PE_MACHINE[view.getUint16(pe + 4, true)];
    if (arch !== undefined) return { kind: 'bootable', arch, image: bytes, version: undefined };
    return { kind: 'unusable', why: 'it is an EFI program of another architecture' };
  }
  return { kind: 'unusable', why: 'it is no bzImage, arm64 Image, EFI or gzip kernel' };
}

function readPacked(bytes: Uint8Array): KernelImage {
  try {
    const unpacked = new Uint8Array(gunzipSync(bytes, { maxOutputLength: MAX_IMAGE_BYTES }));
    // Once: a kernel is not packed twice, a bomb may be.
    if (unpacked[0] === 0x1f && unpacked[1] === 0x8b) return { kind: 'unusable', why: 'it is packed twice' };
    return readKernelImage(unpacked);
  } catch (error) {
    return {
      kind: 'unusable',
      why: `it cannot be unpacked: ${error instanceof Error ? error.message : String(error)}`,
    };
  }
}

function readBzImage(bytes: Uint8Array, view: DataView): KernelImage {
  // Boot protocol 2.12 brought xloadflags; bit 0: has a 64-bit entry point.
  const is64 = view.getUint16(0x206, true) >= 0x20c && (view.getUint16(0x236, true) & 1) === 1;
  if (!is64) return { kind: 'unusable', why: 'it is a 32-bit x86 kernel' };
  const at = view.getUint16(0x20e, true) + 0x200;
  const end = bytes.indexOf(0, at);
  const text = at === 0x200 || end < 0 || end - at > 512 ? '' : ascii(bytes, at, end - at);
  return { kind: 'bootable', arch: 'amd64', image: bytes, version: text.split(' ')[0] || undefined };
}

function ascii(bytes: Uint8Array, at: number, length: number): string {
  return String.fromCharCode(...bytes.subarray(at, at + length));
}
