import { parseQcow2Header, QCOW2_HEADER_SIZE } from '@bowline/formats';
import { ImageError } from '../error.ts';
import type { RandomBytes } from './random-file.ts';

const OFFSET_MASK = 0x00ff_ffff_ffff_fe00n;
const COMPRESSED = 1n << 62n;
const READS_AS_ZEROS = 1n;
/** Features that change what a cluster is: external data files and extended L2 entries. */
const UNREADABLE_FEATURES = (1n << 2n) | (1n << 4n);
const MAX_L1_BYTES = 32 * 2 ** 20;

/**
 * The disk inside a qcow2 image without compression, encryption or a backing file (QEMU, docs/interop/qcow2.txt).
 * Throws FormatsError, ImageError IMAGE_UNREADABLE.
 */
export async function openQcow2(image: RandomBytes): Promise<RandomBytes> {
  const head = await image.read(0, QCOW2_HEADER_SIZE);
  const { version, virtualSizeBytes, clusterSizeBytes: clusterBytes, ...found } = parseQcow2Header(head);
  const header = viewOf(head);
  if (found.hasBackingFile) throw unreadable('it stands on another file (a backing file)');
  if (found.isEncrypted) throw unreadable('it is encrypted');
  if (version === 3 && (header.getBigUint64(72) & UNREADABLE_FEATURES) !== 0n) throw unreadable('unknown features');
  const l1Bytes = header.getUint32(36) * 8;
  if (l1Bytes > MAX_L1_BYTES) throw unreadable('its tables are too large');
  const l1 = viewOf(await image.read(Number(header.getBigUint64(40)), l1Bytes));
  const entriesPerTable = clusterBytes / 8;

  const clusterAt = async (index: number): Promise<Uint8Array> => {
    const l1At = Math.floor(index / entriesPerTable) * 8;
    if (l1At + 8 > l1.byteLength) throw unreadable('its table is too short');
    const tableAt = Number(l1.getBigUint64(l1At) & OFFSET_MASK);
    if (tableAt === 0) return new Uint8Array(clusterBytes);
    const entry = viewOf(await image.read(tableAt + (index % entriesPerTable) * 8, 8)).getBigUint64(0);
    if ((entry & COMPRESSED) !== 0n) throw unreadable('its clusters are compressed');
    const dataAt = Number(entry & OFFSET_MASK);
    if (dataAt === 0 || (entry & READS_AS_ZEROS) !== 0n) return new Uint8Array(clusterBytes);
    // The last cluster of the file may be cut at its end.
    const stored = await image.read(dataAt, Math.min(clusterBytes, image.sizeBytes - dataAt));
    if (stored.length === clusterBytes) return stored;
    const whole = new Uint8Array(clusterBytes);
    whole.set(stored);
    return whole;
  };
  return {
    sizeBytes: virtualSizeBytes,
    read: async (offset, length) => {
      if (offset < 0 || offset + length > virtualSizeBytes)
        throw unreadable(`there are no ${length} bytes at ${offset}`);
      const result = new Uint8Array(length);
      let done = 0;
      while (done < length) {
        const within = (offset + done) % clusterBytes;
        const cluster = await clusterAt(Math.floor((offset + done) / clusterBytes));
        const part = cluster.subarray(within, Math.min(clusterBytes, within + length - done));
        result.set(part, done);
        done += part.length;
      }
      return result;
    },
  };
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function unreadable(reason: string): ImageError {
  return new ImageError({
    code: 'IMAGE_UNREADABLE',
    message: `the qcow2 image cannot be read: ${reason}`,
    hint: 'Convert it first: `qemu-img convert -O raw IMAGE.qcow2 IMAGE.raw`.',
  });
}
