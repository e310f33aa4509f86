/** How one kind of account file writes an entry as a line. */
export interface AccountCodec<E extends { name: string }> {
  /** Undefined for a line that is no entry, or that would not be written back as it stands. */
  parse(line: string): E | undefined;
  /** Throws AgentError ACCOUNT_INVALID for a value the format cannot hold. */
  format(entry: E): string;
}

interface Line<E> {
  text: string;
  entry: E | undefined;
}

/**
 * One account file in memory. Lines that are no entries (comments, `+` and `-` of NIS, what is malformed) stay as and
 * where they are; of entries with one name the first counts, as in glibc.
 */
export class AccountTable<E extends { name: string }> {
  readonly #codec: AccountCodec<E>;
  readonly #lines: Line<E>[];
  #changed = false;

  constructor(codec: AccountCodec<E>, content: string | Uint8Array) {
    this.#codec = codec;
    // One character a byte, so that lines in another encoding come out as they went in.
    const lines = Buffer.from(content).toString('latin1').split('\n');
    if (lines.at(-1) === '') lines.pop();
    this.#lines = lines.map((text) => {
      const line = fromBytes(text);
      return { text, entry: line === undefined ? undefined : codec.parse(line) };
    });
  }

  /** True when an entry was put or removed, so that the text differs from what was read. */
  get changed(): boolean {
    return this.#changed;
  }

  /** Entries in the order of the file. */
  get entries(): readonly E[] {
    return this.#lines.flatMap(({ entry }) => entry ?? []);
  }

  /** The entry that counts for a name. */
  find(name: string): E | undefined {
    return this.#lines.find(({ entry }) => entry?.name === name)?.entry;
  }

  /** Whether any line claims the name, be it malformed. */
  claims(name: string): boolean {
    return this.#lines.some(({ text }) => text.startsWith(`${name}:`));
  }

  /** Replaces the entry of the same name, or adds one: at the end, but before NIS, which must stay last. */
  put(entry: E): void {
    const text = Buffer.from(this.#codec.format(entry)).toString('latin1');
    const start = `${Buffer.from(entry.name).toString('latin1')}:`;
    const at = this.#lines.findIndex((line) => line.text.startsWith(start));
    if (this.#lines[at]?.text === text) return;
    this.#changed = true;
    if (at >= 0) {
      this.#lines[at] = { text, entry };
      return;
    }
    const nis = this.#lines.findIndex((line) => /^[+-]/.test(line.text));
    this.#lines.splice(nis < 0 ? this.#lines.length : nis, 0, { text, entry });
  }

  /** Removes all lines of a name; false when there was none. */
  remove(name: string): boolean {
    const kept = this.#lines.filter((line) => !line.text.startsWith(`${name}:`));
    if (kept.length === this.#lines.length) return false;
    this.#lines.splice(0, this.#lines.length, ...kept);
    this.#changed = true;
    return true;
  }

  /** The file; every line ends with a line end. */
  toBytes(): Uint8Array {
    return Buffer.from(this.#lines.map(({ text }) => `${text}\n`).join(''), 'latin1');
  }
}

/** Undefined for bytes that are not UTF-8. */
function fromBytes(latin1: string): string | undefined {
  const bytes = Buffer.from(latin1, 'latin1');
  const text = bytes.toString('utf8');
  return Buffer.from(text).equals(bytes) ? text : undefined;
}
