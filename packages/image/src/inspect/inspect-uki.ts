import type { Arch } from '@bowline/spec';
import { ImageError } from '../error.ts';
import type { RandomBytes } from './random-file.ts';

/** What a unified kernel image holds (UAPI.5). */
export interface UkiFacts {
  path: string;
  arch: Arch | undefined;
  /** PRETTY_NAME of its os-release. */
  osName: string | undefined;
  kernelVersion: string | undefined;
  /** One for each profile, the main one first. */
  commandLines: string[];
  sections: { name: string; sizeBytes: number }[];
  /** True when it carries an Authenticode signature; whether that is valid is for firmware to say. */
  signed: boolean;
}

interface Section {
  name: string;
  offset: number;
  sizeBytes: number;
}

const MAX_SECTIONS = 256;
const MAX_TEXT_BYTES = 64 * 1024;

/** Reads the sections of a UKI; only the small ones that hold text are loaded. Throws ImageError IMAGE_UNREADABLE. */
export async function inspectUki(path: string, bytes: RandomBytes): Promise<UkiFacts> {
  const { arch, sections, signed } = await readSections(path, bytes);
  const text = async (section: Section | undefined) => {
    if (section === undefined || section.sizeBytes > MAX_TEXT_BYTES) return undefined;
    return new TextDecoder()
      .decode(await bytes.read(section.offset, section.sizeBytes))
      .replace(/\0+$/, '')
      .trim();
  };
  const find = (name: string) => sections.find((section) => section.name === name);
  const commandLines: string[] = [];
  for (const section of sections.filter(({ name }) => name === '.cmdline')) {
    commandLines.push((await text(section)) ?? '');
  }
  return {
    path,
    arch,
    osName: prettyName(await text(find('.osrel'))),
    kernelVersion: await text(find('.uname')),
    commandLines,
    sections: sections.map(({ name, sizeBytes }) => ({ name, sizeBytes })),
    signed,
  };
}

/** PE32+ headers (Microsoft, "PE Format"). */
async function readSections(path: string, bytes: RandomBytes) {
  const head = await bytes.read(0, Math.min(64, bytes.sizeBytes));
  const damaged = () =>
    new ImageError({ code: 'IMAGE_UNREADABLE', message: `${path} is no UKI: its PE header is damaged` });
  if (head.length < 64 || head[0] !== 0x4d || head[1] !== 0x5a) throw damaged();
  const peAt = viewOf(head).getUint32(0x3c, true);
  const coff = viewOf(await bytes.read(peAt, 24));
  if (coff.getUint32(0, true) !== 0x4550) throw damaged();
  const machine = coff.getUint16(4, true);
  const count = coff.getUint16(6, true);
  const optionalBytes = coff.getUint16(20, true);
  if (count > MAX_SECTIONS) throw damaged();
  const optional = viewOf(await bytes.read(peAt + 24, optionalBytes));
  // Data directory 4 is the certificate table: PE32+ has its directories at 112.
  const signed = optionalBytes >= 152 && optional.getUint32(112 + 4 * 8 + 4, true) > 0;
  const table = await bytes.read(peAt + 24 + optionalBytes, count * 40);
  const view = viewOf(table);
  const sections: Section[] = [];
  for (let at = 0; at < table.length; at += 40) {
    const name = new TextDecoder('latin1').decode(table.subarray(at, at + 8)).replace(/\0.*$/s, '');
    const virtualBytes = view.getUint32(at + 8, true);
    const rawBytes = view.getUint32(at + 16, true);
    // The raw size is rounded up; the virtual one is the content's own.
    const sizeBytes = virtualBytes > 0 ? Math.min(virtualBytes, rawBytes) : rawBytes;
    sections.push({ name, sizeBytes, offset: view.getUint32(at + 20, true) });
  }
  const arch: Arch | undefined = machine === 0x8664 ? 'amd64' : machine === 0xaa64 ? 'arm64' : undefined;
  return { arch, sections, signed };
}

function prettyName(osRelease: string | undefined): string | undefined {
  const line = osRelease?.split('\n').find((text) => text.startsWith('PRETTY_NAME='));
  return line?.slice('PRETTY_NAME='.length).replace(/^(["'])(.*)\1$/, '$2');
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
