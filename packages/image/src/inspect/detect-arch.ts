import { open } from 'node:fs/promises';
import type { Arch } from '@bowline/spec';
import type { ImageKind } from './detect-image.ts';

/** PE machine numbers (PE format, "Machine Types"). */
const PE_MACHINES: ReadonlyMap<number, Arch> = new Map([
  [0x8664, 'amd64'],
  [0xaa64, 'arm64'],
]);

/** GPT types of root partitions, as stored: mixed endian (Discoverable Partitions Specification). */
const ROOT_TYPES: ReadonlyMap<string, Arch> = new Map([
  ['e3bc684fcde8b14d96e7fbcaf984b709', 'amd64'],
  ['45b021b9f01dc341af444c6f280d3fae', 'arm64'],
]);

/** Architecture of a UKI or of a disk image, from its own bytes; undefined where they do not tell. */
export async function detectArch(path: string, kind: ImageKind): Promise<Arch | undefined> {
  if (kind !== 'uki' && kind !== 'raw') return undefined;
  const file = await open(path, 'r');
  try {
    const head = Buffer.alloc(34 * 512);
    const { bytesRead } = await file.read(head, 0, head.length, 0);
    const bytes = head.subarray(0, bytesRead);
    return kind === 'uki' ? archOfPe(bytes) : archOfGpt(bytes);
  } finally {
    await file.close();
  }
}

function archOfPe(bytes: Buffer): Arch | undefined {
  if (bytes.length < 64) return undefined;
  const at = bytes.readUInt32LE(0x3c) + 4;
  return at + 2 <= bytes.length ? PE_MACHINES.get(bytes.readUInt16LE(at)) : undefined;
}

/** The partition entries follow the header in every disk Bowline writes: 128 bytes each from sector 2 on. */
function archOfGpt(bytes: Buffer): Arch | undefined {
  for (let at = 1024; at + 128 <= bytes.length; at += 128) {
    const arch = ROOT_TYPES.get(bytes.subarray(at, at + 16).toString('hex'));
    if (arch !== undefined) return arch;
  }
  return undefined;
}
