import { access, constants, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeUtf16 } from '@bowline/formats';
import type { Machine } from '../machine/machine.ts';
import { runProgram } from '../machine/run-program.ts';

const FOLDER = '/sys/firmware/efi/efivars';
/** systemd's "Boot Loader Interface". */
export const LOADER_GUID = '4a67b082-0a4c-41cf-b6c7-440b29bb8c4f';
/** EFI_GLOBAL_VARIABLE (UEFI 2.10, 3.3): Boot####, BootOrder. */
export const GLOBAL_GUID = '8be4df61-93ca-11d2-aa0d-00e098032b8c';

/** Non-volatile, for boot services and at run time (UEFI 2.10, 8.2). */
const KEPT = 0x07;
const MAX_BYTES = 64 * 1024;

/** EFI variables as the kernel's efivarfs shows them: four bytes of attributes, then the value. */
export class EfiVariables {
  readonly #machine: Machine;
  readonly #folder: string;

  constructor(machine: Machine) {
    this.#machine = machine;
    this.#folder = machine.locate(FOLDER);
  }

  /** Names of the variables of a vendor. */
  async names(guid: string): Promise<string[]> {
    const files = await readdir(this.#folder).catch(() => []);
    return files.filter((name) => name.endsWith(`-${guid}`)).map((name) => name.slice(0, -guid.length - 1));
  }

  /** False on machines without such variables, and where the kernel shows them read-only. */
  areWritable(): Promise<boolean> {
    return access(this.#folder, constants.W_OK).then(
      async () => (await readdir(this.#folder)).length > 0,
      () => false,
    );
  }

  /** The value without its attributes; undefined when there is none. */
  async read(name: string, guid: string): Promise<Uint8Array | undefined> {
    const bytes = await readFile(this.#path(name, guid)).catch(() => undefined);
    if (bytes === undefined || bytes.length < 4 || bytes.length > MAX_BYTES) return undefined;
    return new Uint8Array(bytes.subarray(4));
  }

  /**
   * Writes a variable with one write, as efivarfs wants it; one that has the value already is left alone. A file that is there already is immutable unless it is one of
   * those the kernel knows (Boot####, BootOrder ...; fs/efivarfs/vars.c): then chattr(1) has to unlock it, for that takes
   * an ioctl. Throws AgentError PROGRAM_MISSING | STEP_FAILED, and errors of the file system.
   */
  async write(name: string, guid: string, value: Uint8Array): Promise<void> {
    const path = this.#path(name, guid);
    const before = await this.read(name, guid);
    if (before !== undefined && Buffer.from(before).equals(value)) return;
    const bytes = new Uint8Array(value.length + 4);
    bytes[0] = KEPT;
    bytes.set(value, 4);
    if (guid !== GLOBAL_GUID && (await exists(path))) await this.#unlock(name, path);
    await writeFile(path, bytes);
  }

  async #unlock(name: string, path: string): Promise<void> {
    const missingHint = `Restart first, which takes the ${name} of before away; or add e2fsprogs to packages: of the bowl.`;
    await runProgram(this.#machine, 'chattr', ['-i', path], { missingHint });
  }

  /** A value that is text in UTF-16LE. */
  async readText(name: string, guid: string): Promise<string | undefined> {
    const value = await this.read(name, guid);
    return value === undefined ? undefined : decodeUtf16(value);
  }

  #path(name: string, guid: string): string {
    return join(this.#folder, `${name}-${guid}`);
  }
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
