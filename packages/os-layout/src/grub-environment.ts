import { OsLayoutError } from './error.ts';

/** Size of GRUB's environment block: two sectors, written in place by GRUB and by the agent (GNU GRUB manual, "Environment block"). */
export const GRUB_ENVIRONMENT_BYTES = 1024;

const HEADER = '# GRUB Environment Block\n';

/** What GRUB keeps over restarts. The block may be torn: then nothing of it counts. */
export interface GrubEnvironment {
  /** Entry that is on trial, `bowline-7`; only this one is counted. */
  trial?: string | undefined;
  /** Starts it has left; GRUB takes one before it starts it. */
  tries?: number | undefined;
  /** Entry to start once; GRUB forgets it before it starts it. */
  once?: string | undefined;
  /** Entry that counts as bad from now on, though the menu does not say so yet; the initrd writes it. */
  bad?: string | undefined;
}

/** The block as bytes: everything fits into the first sector, so a torn write leaves the old one or the new one. */
export function encodeGrubEnvironment(environment: GrubEnvironment): Uint8Array {
  const lines = Object.entries({ ...environment, tries: environment.tries?.toString() })
    .filter(([, value]) => value !== undefined && value !== '')
    .map(([name, value]) => `${name}=${checkValue(value ?? '')}\n`);
  const block = new Uint8Array(GRUB_ENVIRONMENT_BYTES).fill(0x23);
  block.set(new TextEncoder().encode(HEADER + lines.join('')));
  return block;
}

/** Reads a block that GRUB, grub-editenv(1) or the initrd wrote. What is torn, or unknown, is left out. */
export function parseGrubEnvironment(block: Uint8Array): GrubEnvironment {
  const text = new TextDecoder('latin1').decode(block.subarray(0, GRUB_ENVIRONMENT_BYTES));
  if (block.length !== GRUB_ENVIRONMENT_BYTES || !text.startsWith(HEADER)) return {};
  const values = new Map<string, string>();
  for (const line of text.slice(HEADER.length).split('\n')) {
    const [, name, value] = /^([a-z]+)=([\w-]{1,40})$/.exec(line) ?? [];
    if (name !== undefined && value !== undefined) values.set(name, value);
  }
  const tries = values.get('tries');
  return {
    ...pick(values, 'trial'),
    ...(tries !== undefined && /^\d{1,2}$/.test(tries) ? { tries: Number(tries) } : {}),
    ...pick(values, 'once'),
    ...pick(values, 'bad'),
  };
}

function pick<K extends string>(values: ReadonlyMap<string, string>, name: K): Partial<Record<K, string>> {
  const value = values.get(name);
  return value === undefined ? {} : ({ [name]: value } as Record<K, string>);
}

function checkValue(value: string): string {
  if (/^[\w-]{1,40}$/.test(value)) return value;
  throw new OsLayoutError({
    code: 'NAME_INVALID',
    message: `${JSON.stringify(value.slice(0, 60))} cannot be a value in GRUB's environment`,
  });
}
