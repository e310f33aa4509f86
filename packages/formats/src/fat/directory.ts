import { concatBytes } from '../byte-reader.ts';
import { encodeLatin1 } from '../tar/byte-path.ts';
import { FAT_ENTRY_SIZE, refuse } from './geometry.ts';
import type { DirectoryNode } from './tree.ts';

/** Date and time as directory entries store them. */
export interface DosTime {
  date: number;
  time: number;
}

/** What a directory's entries need to know of the volume. */
export interface DirectoryContext {
  /** Undefined for the root. */
  parent: DirectoryNode | undefined;
  root: DirectoryNode;
  label: string | undefined;
  time: DosTime;
}

const ATTRIBUTE = { volumeLabel: 0x08, directory: 0x10, archive: 0x20 } as const;

/** All entries of a directory; the caller pads them to whole clusters with zeros. */
export function encodeDirectory(directory: DirectoryNode, context: DirectoryContext): Uint8Array {
  const { parent, root, label, time } = context;
  const entries: Uint8Array[] = [];
  if (parent) {
    entries.push(encodeEntry('.'.padEnd(11), ATTRIBUTE.directory, directory.cluster, 0, time));
    // `..` of a directory in the root says 0, not the root's cluster.
    const above = parent === root ? 0 : parent.cluster;
    entries.push(encodeEntry('..'.padEnd(11), ATTRIBUTE.directory, above, 0, time));
  } else if (label !== undefined) {
    entries.push(encodeEntry(label.padEnd(11), ATTRIBUTE.volumeLabel, 0, 0, time));
  }
  for (const child of directory.children) {
    const isFile = child.type === 'file';
    const attribute = isFile ? ATTRIBUTE.archive : ATTRIBUTE.directory;
    entries.push(...child.longEntries);
    entries.push(encodeEntry(child.shortName, attribute, child.cluster, isFile ? child.sizeBytes : 0, time));
  }
  return concatBytes(entries);
}

/**
 * The stored form of a moment, in UTC, rounded down to two seconds.
 *
 * @throws FormatsError `FORMAT_INPUT` outside 1980 to 2107.
 */
export function encodeDosTime(epochSeconds: number): DosTime {
  const moment = new Date(epochSeconds * 1000);
  const year = moment.getUTCFullYear();
  if (!(year >= 1980 && year <= 2107)) throw refuse(`the time ${epochSeconds}: its years are 1980 to 2107`);
  return {
    date: ((year - 1980) << 9) | ((moment.getUTCMonth() + 1) << 5) | moment.getUTCDate(),
    time: (moment.getUTCHours() << 11) | (moment.getUTCMinutes() << 5) | (moment.getUTCSeconds() >> 1),
  };
}

function encodeEntry(shortName: string, attribute: number, cluster: number, size: number, when: DosTime): Uint8Array {
  const entry = new Uint8Array(FAT_ENTRY_SIZE);
  const view = new DataView(entry.buffer);
  entry.set(encodeLatin1(shortName));
  view.setUint8(11, attribute);
  view.setUint16(14, when.time, true);
  view.setUint16(16, when.date, true);
  view.setUint16(18, when.date, true);
  view.setUint16(20, cluster >>> 16, true);
  view.setUint16(22, when.time, true);
  view.setUint16(24, when.date, true);
  view.setUint16(26, cluster & 0xffff, true);
  view.setUint32(28, size, true);
  return entry;
}
