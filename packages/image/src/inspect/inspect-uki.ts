import { PE_MACHINE, type PeSectionInfo, parseUki, readUkiText } from '@bowline/formats';
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
  /** The base first, then those of its profiles. */
  commandLines: string[];
  /** `ID=` of each profile. */
  profiles: string[];
  sections: { name: string; sizeBytes: number }[];
  /** True when it carries an Authenticode signature; whether that is valid is for firmware to say. */
  signed: boolean;
}

const MAX_UKI_BYTES = 512 * 2 ** 20;

/** Reads a UKI. Throws FormatsError when it is no PE image, ImageError IMAGE_UNREADABLE when it is too large. */
export async function inspectUki(path: string, file: RandomBytes): Promise<UkiFacts> {
  if (file.sizeBytes > MAX_UKI_BYTES) {
    throw new ImageError({
      code: 'IMAGE_UNREADABLE',
      message: `${path} is too large for a UKI: ${file.sizeBytes} bytes`,
    });
  }
  const bytes = await file.read(0, file.sizeBytes);
  const uki = parseUki(bytes);
  const text = (sections: readonly PeSectionInfo[], name: string) => readUkiText(bytes, sections, name)?.trim();
  const groups = [uki.base, ...uki.profiles];
  return {
    path,
    arch: archOf(uki.machine),
    osName: prettyName(text(uki.base, '.osrel')),
    kernelVersion: text(uki.base, '.uname'),
    commandLines: groups.map((group) => text(group, '.cmdline')).filter((line) => line !== undefined),
    profiles: uki.profiles.map((group) => /^ID=(.*)$/m.exec(text(group, '.profile') ?? '')?.[1] ?? ''),
    sections: groups.flat().map(({ name, virtualSize, storedSize }) => ({
      name,
      // The stored size is rounded up; the one in memory is the content's own.
      sizeBytes: virtualSize > 0 ? Math.min(virtualSize, storedSize) : storedSize,
    })),
    signed: uki.isSigned,
  };
}

function archOf(machine: number): Arch | undefined {
  if (machine === PE_MACHINE.x86_64) return 'amd64';
  return machine === PE_MACHINE.aarch64 ? 'arm64' : undefined;
}

function prettyName(osRelease: string | undefined): string | undefined {
  const line = osRelease?.split('\n').find((text) => text.startsWith('PRETTY_NAME='));
  return line?.slice('PRETTY_NAME='.length).replace(/^(["'])(.*)\1$/, '$2');
}
