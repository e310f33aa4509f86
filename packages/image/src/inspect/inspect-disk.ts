import {
  type FatEntryFound,
  type GptPartitionFound,
  parseGpt,
  parseSquashfsSuperblock,
  parseVeritySuperblock,
  readFat32,
} from '@bowline/formats';
import { TYPE_GUID } from '@bowline/os-layout';
import { inspectUki, type UkiFacts } from './inspect-uki.ts';
import { type RandomBytes, sliceBytes } from './random-file.ts';

const SECTOR_BYTES = 512;

/** A partition and what was found in it. */
export interface PartitionFacts {
  number: number;
  label: string;
  /** For people; the GUID where it is none of ours. */
  typeName: string;
  typeGuid: string;
  partitionGuid: string;
  sizeBytes: number;
  /** What it holds, in a few words. */
  content: string;
}

/** What a disk holds. */
export interface DiskFacts {
  partitions: PartitionFacts[];
  /** Files of the EFI system partition. */
  bootFiles: { path: string; sizeBytes: number }[];
  ukis: UkiFacts[];
  /** What is wrong with the partition table although it could be read. */
  problems: string[];
}

/** Reads partition table, EFI system partition and UKIs of a disk. Throws FormatsError, ImageError IMAGE_UNREADABLE. */
export async function inspectDisk(disk: RandomBytes): Promise<DiskFacts> {
  const startBytes = Math.min(64 * SECTOR_BYTES, disk.sizeBytes);
  const endBytes = Math.min(33 * SECTOR_BYTES, disk.sizeBytes);
  const table = parseGpt({
    start: await disk.read(0, startBytes),
    end: await disk.read(disk.sizeBytes - endBytes, endBytes),
    diskSizeBytes: disk.sizeBytes,
  });
  const facts: DiskFacts = { partitions: [], bootFiles: [], ukis: [], problems: table.problems };
  for (const partition of table.partitions) {
    const offset = partition.startLba * SECTOR_BYTES;
    const bytes = sliceBytes(disk, offset, partition.sizeBytes);
    const isEsp = partition.typeGuid.toLowerCase() === TYPE_GUID.esp;
    const content = isEsp ? await inspectEsp(bytes, facts) : await describeContent(bytes);
    facts.partitions.push(partitionFacts(partition, bytes.sizeBytes, content));
  }
  return facts;
}

async function inspectEsp(bytes: RandomBytes, facts: DiskFacts): Promise<string> {
  let entries: FatEntryFound[];
  try {
    entries = (await readFat32((offset, length) => bytes.read(offset, length))).entries;
  } catch {
    // Such as the FAT16 of another builder's image: still worth listing the rest.
    return await describeContent(bytes);
  }
  const files = entries.filter((entry) => entry.type === 'file');
  for (const file of files) {
    facts.bootFiles.push({ path: file.path, sizeBytes: file.sizeBytes });
    if (!/\.efi$/i.test(file.path)) continue;
    const uki = await inspectUki(file.path, fileBytes(bytes, file)).catch(() => undefined);
    // A boot loader is a PE file too, but brings no kernel.
    if (uki?.sections.some((section) => section.name === '.linux')) facts.ukis.push(uki);
  }
  return `FAT32, ${files.length} files`;
}

/** A file of a FAT volume by the runs of its clusters. */
function fileBytes(volume: RandomBytes, file: FatEntryFound): RandomBytes {
  return {
    sizeBytes: file.sizeBytes,
    read: async (offset, length) => {
      const result = new Uint8Array(length);
      let at = 0;
      for (const run of file.runs) {
        const from = Math.max(offset, at);
        const to = Math.min(offset + length, at + run.length);
        if (from < to) result.set(await volume.read(run.offset + from - at, to - from), from - offset);
        at += run.length;
      }
      return result;
    },
  };
}

/** Knows a file system by its superblock. */
async function describeContent(bytes: RandomBytes): Promise<string> {
  const head = await bytes.read(0, Math.min(4096, bytes.sizeBytes));
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const begins = (text: string) => String.fromCharCode(...head.subarray(0, text.length)) === text;
  if (begins('hsqs')) {
    const { compression, bytesUsed, inodeCount } = parseSquashfsSuperblock(head);
    return `squashfs ${compression}, ${(bytesUsed / 2 ** 20).toFixed(1)} MiB used, ${inodeCount} inodes`;
  }
  if (begins('verity\0\0')) {
    const { algorithm, dataBlocks, dataBlockSizeBytes } = parseVeritySuperblock(head);
    return `dm-verity ${algorithm} over ${dataBlocks} blocks of ${dataBlockSizeBytes}`;
  }
  if (head.length >= 1082 && view.getUint16(1080, true) === 0xef53) return 'ext4';
  if (begins('LUKS\xba\xbe')) return 'LUKS';
  if (head.length >= 512 && head[510] === 0x55 && head[511] === 0xaa) return 'FAT or boot code';
  return head.every((byte) => byte === 0) ? 'empty' : 'data';
}

function partitionFacts(partition: GptPartitionFound, sizeBytes: number, content: string): PartitionFacts {
  const typeGuid = partition.typeGuid.toLowerCase();
  return {
    number: partition.number,
    label: partition.name,
    typeName: TYPE_NAMES.get(typeGuid) ?? typeGuid,
    typeGuid,
    partitionGuid: partition.partGuid.toLowerCase(),
    sizeBytes,
    content,
  };
}

const TYPE_NAMES: ReadonlyMap<string, string> = new Map([
  [TYPE_GUID.esp, 'EFI system'],
  [TYPE_GUID.biosBoot, 'BIOS boot'],
  [TYPE_GUID.root.amd64, 'root amd64'],
  [TYPE_GUID.root.arm64, 'root arm64'],
  [TYPE_GUID.rootVerity.amd64, 'verity amd64'],
  [TYPE_GUID.rootVerity.arm64, 'verity arm64'],
  [TYPE_GUID.state, 'state'],
]);
