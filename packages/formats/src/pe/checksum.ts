/** The checksum of a PE image (that of ImageHlp's CheckSumMappedFile), which leaves its own field out. */
export function computePeChecksum(bytes: Uint8Array, checksumOffset: number): number {
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 2) {
    if (at === checksumOffset || at === checksumOffset + 2) continue;
    sum += (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8);
    // Folding early keeps the sum a small integer, which is much faster than a double.
    sum = (sum & 0xffff) + (sum >>> 16);
  }
  sum = (sum & 0xffff) + (sum >>> 16);
  return (sum + bytes.length) >>> 0;
}
