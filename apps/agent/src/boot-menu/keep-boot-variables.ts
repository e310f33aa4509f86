import {
  type EfiLoadOption,
  type EfiPartition,
  encodeLoadOption,
  encodeUtf16,
  parseLoadOption,
} from '@bowline/formats';
import { UKI_PROFILE, ukiPath } from '@bowline/os-layout';
import type { Arch } from '@bowline/spec';
import { AgentError } from '../error.ts';
import { type EfiVariables, GLOBAL_GUID } from './efi-variables.ts';

/** What the firmware's own menu shows. */
const BOOT_TITLES = { system: 'Bowline', recovery: 'Bowline recovery' } as const;

/** systemd-boot under its own name: the default path belongs to whatever medium is in the machine. */
const LOADER = {
  amd64: 'EFI/systemd/systemd-bootx64.efi',
  arm64: 'EFI/systemd/systemd-bootaa64.efi',
} as const satisfies Record<Arch, string>;
const ORDER = 'BootOrder';
const MAX_NUMBER = 0xffff;

/** What the firmware should start. */
export interface WantedVariables {
  arch: Arch;
  /** The EFI system partition. */
  esp: EfiPartition;
  /** UKI of the recovery system; undefined while there is none. */
  recoveryUki: string | undefined;
}

/**
 * Keeps two boot variables alive: one for the boot loader, and behind it one that leads past it to the recovery, because
 * systemd-boot does not go on to another entry when the firmware refuses an image. An order that somebody chose stays;
 * variables that are right are not written, for the memory behind them wears out. Returns the names of those it wrote.
 *
 * @throws AgentError WRITE_FAILED when the firmware has no room for them
 */
export async function keepBootVariables(variables: EfiVariables, wanted: WantedVariables): Promise<string[]> {
  const numbers = await readNumbers(variables);
  const written: string[] = [];
  const keep = async (title: string, path: string, data: Uint8Array): Promise<number> => {
    const value = encodeLoadOption({ description: title, isActive: true, partition: wanted.esp, path, data });
    const known = [...numbers].find(([, option]) => option?.description === title && isOurs(option));
    const number = known?.[0] ?? freeNumber(numbers);
    if (known?.[1] === undefined || !isSame(encodeLoadOption(known[1]), value)) {
      await variables.write(nameOf(number), GLOBAL_GUID, value);
      written.push(nameOf(number));
    }
    numbers.set(number, parseLoadOption(value));
    return number;
  };
  const system = await keep(BOOT_TITLES.system, LOADER[wanted.arch], new Uint8Array());
  const { recoveryUki } = wanted;
  const recovery =
    recoveryUki === undefined
      ? undefined
      : await keep(BOOT_TITLES.recovery, ukiPath(recoveryUki), encodeUtf16(`@${UKI_PROFILE.recovery}`));
  const before = readOrder((await variables.read(ORDER, GLOBAL_GUID)) ?? new Uint8Array());
  const order = orderWith(before, system, recovery);
  if (order.join() !== before.join()) {
    await variables.write(ORDER, GLOBAL_GUID, new Uint8Array(Uint16Array.from(order).buffer));
    written.push(ORDER);
  }
  return written;
}

/** The system first, unless somebody put it elsewhere; the recovery right behind it. */
export function orderWith(before: readonly number[], system: number, recovery: number | undefined): number[] {
  const order = before.includes(system) ? [...before] : [system, ...before];
  if (recovery === undefined) return order;
  const others = order.filter((number) => number !== recovery);
  return others.toSpliced(others.indexOf(system) + 1, 0, recovery);
}

/** One of another disk has the same title: it was this machine's before it was installed anew, or is no more. */
function isOurs({ path }: EfiLoadOption): boolean {
  return /^EFI\/(?:systemd|bowline)\//i.test(path);
}

async function readNumbers(variables: EfiVariables): Promise<Map<number, EfiLoadOption | undefined>> {
  const numbers = new Map<number, EfiLoadOption | undefined>();
  for (const name of await variables.names(GLOBAL_GUID)) {
    const digits = /^Boot([0-9A-F]{4})$/.exec(name)?.[1];
    const value = digits === undefined ? undefined : await variables.read(name, GLOBAL_GUID);
    if (digits !== undefined)
      numbers.set(Number.parseInt(digits, 16), value === undefined ? undefined : tryParse(value));
  }
  return numbers;
}

function tryParse(value: Uint8Array): EfiLoadOption | undefined {
  try {
    return parseLoadOption(value);
  } catch {
    // Some other program's, or the firmware's own idea of one.
    return undefined;
  }
}

function freeNumber(numbers: ReadonlyMap<number, unknown>): number {
  for (let number = 0; number <= MAX_NUMBER; number++) if (!numbers.has(number)) return number;
  throw new AgentError({ code: 'WRITE_FAILED', message: 'The firmware has no boot variable left.' });
}

function nameOf(number: number): string {
  return `Boot${number.toString(16).toUpperCase().padStart(4, '0')}`;
}

function readOrder(value: Uint8Array): number[] {
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
  return Array.from({ length: value.length >> 1 }, (_, index) => view.getUint16(index * 2, true));
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}
