import { FormatsError } from '../error.ts';

/** One library that a program loads at run time, as its note says. */
export interface DlopenDependency {
  /** Names to try, the best first. */
  sonames: string[];
  /** `required`: the program is broken without it; `recommended` (also when left out); `suggested`. */
  priority: 'required' | 'recommended' | 'suggested';
  /** Short name of what the library enables. */
  feature: string | undefined;
}

const MAX_NOTE_BYTES = 65_536;
const PRIORITIES = ['required', 'recommended', 'suggested'] as const;

/**
 * Reads the JSON text of one `.note.dlopen` note (https://systemd.io/ELF_DLOPEN_METADATA/), with or without its NUL.
 *
 * @throws FormatsError `FORMAT_INVALID` or `FORMAT_LIMIT`.
 */
export function parseDlopenNote(value: Uint8Array): DlopenDependency[] {
  if (value.length > MAX_NOTE_BYTES) {
    throw new FormatsError({ code: 'FORMAT_LIMIT', message: `ELF dlopen note: ${value.length} bytes are too many` });
  }
  const end = value.indexOf(0);
  const text = new TextDecoder().decode(end < 0 ? value : value.subarray(0, end));
  let list: unknown;
  try {
    list = JSON.parse(text);
  } catch (cause) {
    throw new FormatsError({ code: 'FORMAT_INVALID', message: 'ELF dlopen note: it is not JSON', cause });
  }
  if (!Array.isArray(list)) throw invalid('it is not a list');
  return list.map(readDependency);
}

function readDependency(item: unknown): DlopenDependency {
  if (typeof item !== 'object' || item === null) throw invalid('an item is not an object');
  const { soname, priority, feature } = item as Record<string, unknown>;
  if (!Array.isArray(soname) || soname.length === 0 || !soname.every((name) => typeof name === 'string')) {
    throw invalid('an item has no `soname` list');
  }
  return {
    sonames: soname,
    // The specification lets readers take an unknown or missing priority for `recommended`.
    priority: PRIORITIES.find((known) => known === priority) ?? 'recommended',
    feature: typeof feature === 'string' ? feature : undefined,
  };
}

function invalid(why: string): FormatsError {
  return new FormatsError({ code: 'FORMAT_INVALID', message: `ELF dlopen note: ${why}` });
}
