const POLYNOMIAL = 0xedb88320;

/** CRC-32 as GPT headers use it (UEFI 2.10, 5.3.2: the ISO 3309 polynomial, seeded with all ones and inverted). */
export function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? POLYNOMIAL : 0);
  }
  return (crc ^ 0xffffffff) >>> 0;
}
