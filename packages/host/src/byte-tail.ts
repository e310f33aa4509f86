/** Keeps the last bytes of a stream: bounded memory however much goes through. */
export class ByteTail {
  readonly #limitBytes: number;
  #chunks: Uint8Array[] = [];
  #sizeBytes = 0;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  push(chunk: Uint8Array): void {
    const kept = chunk.length > this.#limitBytes ? chunk.subarray(chunk.length - this.#limitBytes) : chunk;
    this.#chunks.push(kept);
    this.#sizeBytes += kept.length;
    // Compacting only at twice the limit keeps the cost of many small writes linear.
    if (this.#sizeBytes > 2 * this.#limitBytes || this.#chunks.length > 4096) this.#compact();
  }

  /** What was kept, as UTF-8; broken sequences become U+FFFD. */
  text(): string {
    this.#compact();
    return Buffer.concat(this.#chunks).toString('utf8');
  }

  #compact(): void {
    const all = Buffer.concat(this.#chunks);
    const kept = all.length > this.#limitBytes ? Buffer.from(all.subarray(all.length - this.#limitBytes)) : all;
    this.#chunks = [kept];
    this.#sizeBytes = kept.length;
  }
}
