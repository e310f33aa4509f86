/** Looks at the first bytes of a stream and gives back a stream that still has them. */
export async function peek(
  stream: AsyncIterable<Uint8Array>,
  count: number,
): Promise<{ head: Uint8Array; stream: AsyncIterable<Uint8Array> }> {
  const iterator = stream[Symbol.asyncIterator]();
  let head = new Uint8Array();
  let first: Uint8Array | undefined;
  while (head.length < count) {
    const next = await iterator.next();
    if (next.done === true) break;
    first = head.length === 0 ? next.value : undefined;
    head = Buffer.concat([head, next.value]);
  }
  async function* rest(): AsyncGenerator<Uint8Array> {
    try {
      if (head.length > 0) yield first ?? head;
      for (;;) {
        const next = await iterator.next();
        if (next.done === true) return;
        yield next.value;
      }
    } finally {
      await iterator.return?.();
    }
  }
  return { head: head.subarray(0, count), stream: rest() };
}
