import { refuse } from './geometry.ts';

/** Characters of a short name besides letters and digits (Microsoft FAT specification, "Name limits and character sets"). */
const SHORT_ALLOWED = /^[A-Z0-9$%'\-_@~`!(){}^#&]$/;

/** Characters no long name may hold. */
const LONG_FORBIDDEN = /[\x00-\x1f\x7f"*/:<>?\\|]/;

const LONG_UNITS_PER_ENTRY = 13;
const LONG_ATTRIBUTES = 0x0f;
const UNIT_OFFSETS = [1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30] as const;

/**
 * Refuses names that VFAT does not take.
 *
 * @throws FormatsError `FORMAT_INPUT`.
 */
export function checkLongName(name: string): void {
  const isDots = name === '.' || name === '..';
  if (name === '' || isDots || name.length > 255 || LONG_FORBIDDEN.test(name) || /^ |[ .]$/.test(name)) {
    throw refuse(`the name ${JSON.stringify(name)}: VFAT forbids it`);
  }
}

/** The 11 stored characters of a name that is a short name as it stands; undefined when it needs a long name. */
export function encodeExactShortName(name: string): string | undefined {
  const { base, extension, isLossless } = deriveShortName(name);
  return isLossless && name === name.toUpperCase() ? joinShort(base, extension) : undefined;
}

/**
 * The 11 characters of the alias of a long name, unlike all in `taken`, to which it is added. It gets a numeric tail
 * when something had to be left out or the plain one is taken.
 */
export function chooseAlias(name: string, taken: Set<string>): string {
  const { base, extension, isLossless } = deriveShortName(name);
  const plain = joinShort(base.slice(0, 8), extension);
  if (isLossless && !taken.has(plain)) {
    taken.add(plain);
    return plain;
  }
  for (let number = 1; number <= 999_999; number++) {
    const tail = `~${number}`;
    const alias = joinShort(base.slice(0, 8 - tail.length) + tail, extension);
    if (taken.has(alias)) continue;
    taken.add(alias);
    return alias;
  }
  throw refuse(`the name ${JSON.stringify(name)}: too many names like it are in one directory`);
}

/** The entries that carry a long name, in the order they are stored: the end of the name first. */
export function encodeLongName(name: string, shortName: string): Uint8Array[] {
  const checksum = computeShortNameChecksum(shortName);
  const count = Math.ceil(name.length / LONG_UNITS_PER_ENTRY);
  return Array.from({ length: count }, (_, index) => {
    const part = count - 1 - index;
    const entry = new Uint8Array(32);
    const view = new DataView(entry.buffer);
    entry[0] = (part + 1) | (index === 0 ? 0x40 : 0);
    entry[11] = LONG_ATTRIBUTES;
    entry[13] = checksum;
    for (const [unit, offset] of UNIT_OFFSETS.entries()) {
      const at = part * LONG_UNITS_PER_ENTRY + unit;
      // The name ends with one NUL unless it fills the entry; the rest is 0xFFFF.
      const code = at < name.length ? name.charCodeAt(at) : at === name.length ? 0 : 0xffff;
      view.setUint16(offset, code, true);
    }
    return entry;
  });
}

/** Checksum that ties long-name entries to their short name (Microsoft FAT specification, ChkSum). */
export function computeShortNameChecksum(shortName: string): number {
  let sum = 0;
  for (let at = 0; at < 11; at++) sum = (((sum & 1) << 7) + (sum >> 1) + shortName.charCodeAt(at)) & 0xff;
  return sum;
}

/** Upper case, without spaces and inner dots, with `_` for what short names forbid; lossless when only the case changed. */
function deriveShortName(name: string): { base: string; extension: string; isLossless: boolean } {
  const upper = name.toUpperCase();
  const stripped = upper.replaceAll(' ', '').replace(/^\.+/, '');
  const dot = stripped.lastIndexOf('.');
  const base = replaceForbidden((dot < 0 ? stripped : stripped.slice(0, dot)).replaceAll('.', ''));
  const extension = replaceForbidden(dot < 0 ? '' : stripped.slice(dot + 1)).slice(0, 3);
  const readable = extension === '' ? base : `${base}.${extension}`;
  return { base, extension, isLossless: base.length > 0 && base.length <= 8 && readable === upper };
}

function replaceForbidden(text: string): string {
  return Array.from(text, (character) => (SHORT_ALLOWED.test(character) ? character : '_')).join('');
}

function joinShort(base: string, extension: string): string {
  return base.padEnd(8) + extension.padEnd(3);
}
