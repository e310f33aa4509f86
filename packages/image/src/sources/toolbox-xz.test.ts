import { describe, expect, it } from 'vitest';
import { streamOf } from './toolbox-xz.ts';

const bytes = (...values: number[]) => Uint8Array.from(values);

async function collect(stream: AsyncIterable<Uint8Array>): Promise<number[]> {
  const all: number[] = [];
  for await (const chunk of stream) all.push(...chunk);
  return all;
}

describe('streamOf', () => {
  it('gives every chunk in order, and holds the producer back', async () => {
    let sent = 0;
    const stream = streamOf(async (onChunk) => {
      for (let i = 1; i <= 3; i++) {
        await onChunk(bytes(i));
        sent = i;
      }
    });
    const first = await stream.next();
    expect([first.value?.[0], sent]).toEqual([1, 0]);
    expect(await collect(stream)).toEqual([2, 3]);
    expect(sent).toBe(3);
  });

  it('fails as the producer failed, after what it gave', async () => {
    const stream = streamOf(async (onChunk) => {
      await onChunk(bytes(1));
      throw new Error('xz: Unexpected end of input');
    });
    expect((await stream.next()).value).toEqual(bytes(1));
    await expect(stream.next()).rejects.toThrow('Unexpected end');
  });

  it('ends the producer when the reader stops early', async () => {
    let ended = false;
    const stream = streamOf(async (onChunk) => {
      try {
        for (;;) await onChunk(bytes(0));
      } finally {
        ended = true;
      }
    });
    for await (const _chunk of stream) break;
    expect(ended).toBe(true);
  });
});
