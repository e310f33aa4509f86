import type { LocatedScalar } from '../yaml/located.ts';

/** Modes that people write; only these are taken for octal when the leading zero is missing. */
const USUAL =
  /^[01234567]?(400|440|444|500|511|550|555|600|604|620|640|644|660|664|666|700|701|710|711|750|751|755|770|771|775|777)$/;

/** A mode as a document says it. */
export interface ReadMode {
  mode: number;
  /** Set where Kairos understands it otherwise. */
  warning?: string;
}

/**
 * Permission bits of `0644`, `0o644`, "0644" or "644", and of decimal numbers such as 420, as the YAML reader of Kairos takes
 * them. A number without leading zero that is a usual mode when read as octal (644) is that mode, with a warning, since
 * the decimal reading (1204 octal) is never meant. Undefined for anything else.
 */
export function readMode({ value, source }: LocatedScalar): ReadMode | undefined {
  if (typeof value === 'string') {
    const digits = /^(?:0o)?([0-7]{1,5})$/.exec(value.trim())?.[1];
    return digits === undefined ? undefined : { mode: Number.parseInt(digits, 8) };
  }
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0) return undefined;
  if (/^0[0-7]+$/.test(source)) return { mode: Number.parseInt(source, 8) };
  if (/^[1-9]\d*$/.test(source) && USUAL.test(source)) {
    const mode = Number.parseInt(source, 8);
    // 444 and 511 are usual in both readings.
    if (value <= 0o777 && USUAL.test(value.toString(8))) return { mode: value };
    return {
      mode,
      warning: `${source} is a decimal number (mode ${value.toString(8)}); write 0${source}, as which it is read`,
    };
  }
  return { mode: value };
}
