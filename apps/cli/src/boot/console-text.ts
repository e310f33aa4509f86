type State = 'text' | 'escape' | 'escape-one-more' | 'csi' | 'string' | 'string-escape';

/**
 * Turns the bytes of a serial console into plain text: UTF-8 decoded, terminal sequences (ECMA-48) and control
 * characters removed, every kind of line end made `\n`. However the bytes are cut into chunks, the text is the same.
 */
export class ConsoleText {
  readonly #decoder = new TextDecoder('utf-8');
  #state: State = 'text';
  #afterReturn = false;

  /** The text that this chunk completes. */
  push(chunk: Uint8Array): string {
    let text = '';
    for (const char of this.#decoder.decode(chunk, { stream: true })) text += this.#step(char);
    return text;
  }

  #step(char: string): string {
    switch (this.#state) {
      case 'text':
        return this.#plain(char);
      case 'escape':
        this.#state = afterEscape(char);
        return '';
      case 'escape-one-more':
        this.#state = 'text';
        return '';
      case 'csi':
        // Parameters and intermediates are 0x20-0x3f, the final character 0x40-0x7e; anything else breaks it off.
        if (char === '\x1b') this.#state = 'escape';
        else if (char < ' ' || char > '?') this.#state = 'text';
        return '';
      case 'string':
        if (char === '\x1b') this.#state = 'string-escape';
        // A line end cannot be part of one: a torn sequence must not swallow the rest of the log.
        else if (char === '\x07' || char === '\n') this.#state = 'text';
        return '';
      case 'string-escape':
        this.#state = char === '\\' ? 'text' : 'string';
        return '';
    }
  }

  #plain(char: string): string {
    if (char === '\x1b') {
      this.#state = 'escape';
      return '';
    }
    if (char === '\r') {
      this.#afterReturn = true;
      return '';
    }
    if (char === '\n') {
      this.#afterReturn = false;
      return '\n';
    }
    if ((char < ' ' && char !== '\t') || char === '\x7f') return '';
    if (!this.#afterReturn) return char;
    this.#afterReturn = false;
    return `\n${char}`;
  }
}

function afterEscape(char: string): State {
  if (char === '[') return 'csi';
  if (char === ']' || char === 'P' || char === '_' || char === '^' || char === 'X') return 'string';
  // Designation of a character set and the like: one intermediate, then a final character.
  if ('()*+-./# %'.includes(char)) return 'escape-one-more';
  return char === '\x1b' ? 'escape' : 'text';
}
