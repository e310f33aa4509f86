import { FormatsError } from '../error.ts';
import { addSections, type PeSection } from './add-sections.ts';
import { type PeSectionInfo, parsePe, readPeSection } from './image.ts';
import { isEfiStub } from './kernel-image.ts';

/** One way to start a UKI; entries choose it by its place, `@0`, `@1` ... */
export interface UkiProfile {
  /** `ID=` of the profile, for example `recovery`. */
  id: string;
  /** `TITLE=`, shown by the boot menu. */
  title?: string;
  /** Replaces the kernel command line of the base. */
  cmdline?: string;
  /** JSON of signed PCR policies for this profile. */
  pcrSignature?: Uint8Array;
}

/** The parts of a unified kernel image. */
export interface UkiParts {
  /** systemd-stub of the target's architecture. */
  stub: Uint8Array;
  /** Kernel, itself an EFI program. */
  linux: Uint8Array;
  /** Complete initrd: all archives one after the other. */
  initrd: Uint8Array;
  cmdline: string;
  /** Content of the target's os-release. */
  osRelease: string;
  /** Kernel release, as `uname -r` prints it. */
  uname: string;
  /** Replaces the stub's SBAT, so it must hold the stub's lines too. */
  sbat?: string;
  /** Public key (PEM) for PCR policies. */
  pcrPublicKey?: Uint8Array;
  pcrSignature?: Uint8Array;
  /** Further sections of the base, for example `.splash` or `.dtb`. */
  extraSections?: readonly PeSection[];
  /** When given, the first is what starts unless an entry asks for another. */
  profiles?: readonly UkiProfile[];
}

/** What a UKI says of itself. */
export interface UkiFound {
  machine: number;
  /** Sections before the first profile. */
  base: PeSectionInfo[];
  /** Sections of each profile, `.profile` first. */
  profiles: PeSectionInfo[][];
  isSigned: boolean;
}

/**
 * Puts a unified kernel image together (UAPI group specification 5, UKI; systemd-stub(7)). Sections before the first
 * `.profile` hold for every profile unless it brings its own.
 *
 * @throws FormatsError `FORMAT_INPUT` when the kernel is no EFI program or is for another machine than the stub; those
 *   of {@link addSections}.
 */
export function composeUki(parts: UkiParts): Uint8Array<ArrayBuffer> {
  if (!isEfiStub(parts.linux)) {
    throw new FormatsError({
      code: 'FORMAT_INPUT',
      message: 'the kernel is not an EFI program, so a unified kernel image cannot start it',
      hint: 'Decompress it when it is a gzip file; else use a kernel built with CONFIG_EFI_STUB.',
    });
  }
  const kernel = parsePe(parts.linux);
  const stub = parsePe(parts.stub);
  if (kernel.machine !== stub.machine) {
    throw new FormatsError({
      code: 'FORMAT_INPUT',
      message: `the kernel is for the machine 0x${kernel.machine.toString(16)}, the EFI stub for 0x${stub.machine.toString(16)}`,
    });
  }
  const sections: PeSection[] = [
    textSection('.osrel', parts.osRelease),
    textSection('.cmdline', parts.cmdline),
    textSection('.uname', parts.uname),
  ];
  if (parts.sbat !== undefined) sections.push(textSection('.sbat', parts.sbat));
  if (parts.pcrPublicKey) sections.push({ name: '.pcrpkey', data: parts.pcrPublicKey });
  sections.push(...(parts.extraSections ?? []));
  // In memory a kernel is larger than its file (.bss), and stubs may start it in place.
  sections.push({ name: '.linux', data: parts.linux, virtualSizeBytes: kernel.sizeOfImage });
  sections.push({ name: '.initrd', data: parts.initrd });
  if (parts.pcrSignature) sections.push({ name: '.pcrsig', data: parts.pcrSignature });
  for (const profile of parts.profiles ?? []) sections.push(...encodeProfile(profile));
  return addSections(parts.stub, sections);
}

/**
 * Reads the sections of a UKI, grouped by profile.
 *
 * @throws FormatsError those of {@link parsePe}.
 */
export function parseUki(bytes: Uint8Array): UkiFound {
  const image = parsePe(bytes);
  return { machine: image.machine, ...groupSections(image.sections), isSigned: image.certificates !== undefined };
}

/** Sections before the first profile, and those of each profile with `.profile` first. */
export function groupSections(sections: readonly PeSectionInfo[]): Pick<UkiFound, 'base' | 'profiles'> {
  const base: PeSectionInfo[] = [];
  const profiles: PeSectionInfo[][] = [];
  let group = base;
  for (const section of sections) {
    if (section.name === '.profile') {
      group = [];
      profiles.push(group);
    }
    group.push(section);
  }
  return { base, profiles };
}

/** The text of a section, or undefined when it is not among them; at most 1 MiB, up to a NUL. */
export function readUkiText(bytes: Uint8Array, sections: readonly PeSectionInfo[], name: string): string | undefined {
  const section = sections.find((each) => each.name === name);
  if (!section) return undefined;
  const data = readPeSection(bytes, section).subarray(0, 1024 * 1024);
  const end = data.indexOf(0);
  return new TextDecoder().decode(end < 0 ? data : data.subarray(0, end));
}

function encodeProfile({ id, title, cmdline, pcrSignature }: UkiProfile): PeSection[] {
  if (!/^[a-zA-Z0-9._-]+$/.test(id) || (title !== undefined && /["\\$`\n\r\0]/.test(title))) {
    throw new FormatsError({
      code: 'FORMAT_INPUT',
      message: `the UKI profile ${JSON.stringify(id)} has a bad id or title`,
    });
  }
  const sections = [textSection('.profile', `ID=${id}\n${title === undefined ? '' : `TITLE="${title}"\n`}`)];
  if (cmdline !== undefined) sections.push(textSection('.cmdline', cmdline));
  if (pcrSignature) sections.push({ name: '.pcrsig', data: pcrSignature });
  return sections;
}

function textSection(name: string, text: string): PeSection {
  return { name, data: new TextEncoder().encode(text) };
}
