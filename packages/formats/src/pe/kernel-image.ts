import { FormatsError } from '../error.ts';
import { parsePe } from './image.ts';

/** How a kernel file is packed; only the first two start from a UKI as they are. */
export type KernelImageKind =
  /** An EFI program: a bzImage, or an uncompressed arm64 Image. */
  | 'efi'
  /** An EFI program that unpacks the kernel in it (arm64 `vmlinuz.efi`). */
  | 'efi-zboot'
  /** A gzip file around the kernel (arm64 `vmlinuz` of several distributions): decompress it first. */
  | 'gzip'
  | 'unknown';

const EFI_APPLICATION = 10;

/** Whether firmware and systemd-stub can start the bytes: a 64-bit EFI application. Needs the whole file. */
export function isEfiStub(bytes: Uint8Array): boolean {
  try {
    return parsePe(bytes).subsystem === EFI_APPLICATION;
  } catch (error) {
    if (error instanceof FormatsError) return false;
    throw error;
  }
}

/** What kind of kernel file the bytes are. Needs the whole file. */
export function detectKernelImage(bytes: Uint8Array): KernelImageKind {
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) return 'gzip';
  if (!isEfiStub(bytes)) return 'unknown';
  // `zimg` follows `MZ\0\0` (Linux, drivers/firmware/efi/libstub/zboot-header.S).
  const mark = [0x7a, 0x69, 0x6d, 0x67];
  return mark.every((byte, index) => bytes[4 + index] === byte) ? 'efi-zboot' : 'efi';
}
