import { ByteReader, concatBytes } from '../byte-reader.ts';
import { FormatsError } from '../error.ts';
import { decodeGuid, encodeGuid, type Guid } from '../gpt/guid.ts';

/** A partition as firmware finds it again: by its GUID; the rest is for older firmware (UEFI 2.10, 10.3.5.1). */
export interface EfiPartition {
  number: number;
  startLba: number;
  sectors: number;
  partGuid: Guid;
}

/** What a variable `Boot####` says (EFI_LOAD_OPTION; UEFI 2.10, 3.1.3), when it is a file on a GPT partition. */
export interface EfiLoadOption {
  /** Shown in the firmware's menu. */
  description: string;
  /** Firmware leaves others out. */
  isActive: boolean;
  partition: EfiPartition;
  /** With slashes and without one in front: `EFI/BOOT/BOOTX64.EFI`. */
  path: string;
  /** Handed to the program; of systemd-stub it chooses the profile when it is text such as `@2`. */
  data: Uint8Array;
}

const ACTIVE = 1;
const MEDIA = 4;
const HARD_DRIVE = 1;
const FILE_PATH = 4;
const END = 0x7f;
const HARD_DRIVE_BYTES = 42;
const GPT = 2;
const GUID_SIGNATURE = 2;

/**
 * The value of a variable `Boot####`.
 *
 * @throws FormatsError `FORMAT_INPUT` for a GUID that is none.
 */
export function encodeLoadOption(option: EfiLoadOption): Uint8Array {
  const { partition } = option;
  const drive = new Uint8Array(HARD_DRIVE_BYTES);
  const view = new DataView(drive.buffer);
  drive.set([MEDIA, HARD_DRIVE, HARD_DRIVE_BYTES, 0]);
  view.setUint32(4, partition.number, true);
  view.setBigUint64(8, BigInt(partition.startLba), true);
  view.setBigUint64(16, BigInt(partition.sectors), true);
  drive.set(encodeGuid(partition.partGuid), 24);
  drive.set([GPT, GUID_SIGNATURE], 40);
  const name = encodeUtf16(`\\${option.path.replaceAll('/', '\\')}`);
  const file = new Uint8Array(4);
  file.set([MEDIA, FILE_PATH]);
  new DataView(file.buffer).setUint16(2, 4 + name.length, true);
  const path = concatBytes([drive, file, name, Uint8Array.of(END, 0xff, 4, 0)]);
  const head = new Uint8Array(6);
  const headView = new DataView(head.buffer);
  headView.setUint32(0, option.isActive ? ACTIVE : 0, true);
  headView.setUint16(4, path.length, true);
  return concatBytes([head, encodeUtf16(option.description), path, option.data]);
}

/**
 * Reads the value of a variable `Boot####`; undefined for an option that is no file on a GPT partition, such as the network.
 *
 * @throws FormatsError `FORMAT_TRUNCATED`, or `FORMAT_INVALID` for a device path that does not end.
 */
export function parseLoadOption(bytes: Uint8Array): EfiLoadOption | undefined {
  const reader = new ByteReader(bytes, 'EFI load option');
  const [attributes, pathBytes] = [reader.u32(0), reader.u16(4)];
  let at = 6;
  while (reader.u16(at) !== 0) at += 2;
  const description = decodeUtf16(reader.slice(6, at - 6));
  at += 2;
  const data = reader.slice(at + pathBytes, bytes.length - at - pathBytes);
  let partition: EfiPartition | undefined;
  let path = '';
  for (const end = at + pathBytes; at < end && reader.u8(at) !== END; ) {
    const [type, subtype, length] = [reader.u8(at), reader.u8(at + 1), reader.u16(at + 2)];
    if (length < 4)
      throw new FormatsError({ code: 'FORMAT_INVALID', message: 'EFI load option: a device path node of no length' });
    const node = reader.slice(at, length);
    if (type === MEDIA && subtype === HARD_DRIVE) partition = readDrive(node);
    if (type === MEDIA && subtype === FILE_PATH) path += decodeUtf16(node.subarray(4));
    at += length;
  }
  if (partition === undefined || path === '') return undefined;
  return {
    description,
    isActive: (attributes & ACTIVE) !== 0,
    partition,
    path: path.replaceAll('\\', '/').replace(/^\/+/, ''),
    data: new Uint8Array(data),
  };
}

/** UTF-16LE with a NUL behind it, as EFI has text. */
export function encodeUtf16(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length * 2 + 2);
  const view = new DataView(bytes.buffer);
  for (let index = 0; index < text.length; index++) view.setUint16(index * 2, text.charCodeAt(index), true);
  return bytes;
}

/** UTF-16LE up to its NUL, if it has one. */
export function decodeUtf16(bytes: Uint8Array): string {
  const text = new TextDecoder('utf-16le', { ignoreBOM: true }).decode(bytes);
  const end = text.indexOf('\0');
  return end < 0 ? text : text.slice(0, end);
}

function readDrive(node: Uint8Array): EfiPartition | undefined {
  const reader = new ByteReader(node, 'EFI hard drive path');
  if (node.length !== HARD_DRIVE_BYTES || reader.u8(41) !== GUID_SIGNATURE) return undefined;
  return {
    number: reader.u32(4),
    startLba: reader.size64(8),
    sectors: reader.size64(16),
    partGuid: decodeGuid(reader.slice(24, 16)),
  };
}
