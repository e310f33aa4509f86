import { join } from 'node:path';
import { zstdCompressSync } from 'node:zlib';
import { buildChunkIndex, encodeChunkIndex } from '@bowline/formats';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openRelease } from './open-release.ts';
import { type CutRoot, makeRoot, type TestRelease, writeTestRelease } from './release-fixture.testdata.ts';
import { makeSlotMachine, type SlotMachine, TEST_LIMITS } from './release-machine.testdata.ts';
import { answerSoundly, ReleaseServer, writeHead } from './release-server.testdata.ts';
import { writeRoot } from './write-root.ts';

const SIZE = 65_536;
const SLOT = 128 * 1024;
const ROOT = makeRoot(1, SIZE);
let made: SlotMachine;
let sound: TestRelease;
let count = 0;
beforeAll(async () => {
  made = await makeSlotMachine();
  sound = await writeTestRelease({ folder: join(made.root, 'sound'), root: ROOT });
});
afterAll(() => made.remove());

async function apply(source: string, slot: string, limits = TEST_LIMITS): Promise<string> {
  const release = await openRelease(made.machine, source, { limits });
  return (await writeRoot(release, await made.slot(slot, SLOT), { bases: [], journal: slot })).rootHash;
}

/** The rows of an index, with one changed. */
function indexWith(
  { index }: CutRoot,
  chunk: number,
  change: { lengthBytes?: number; storedBytes?: number },
): Uint8Array {
  const rows = Array.from({ length: index.count }, (_, at) => ({
    lengthBytes: index.lengths[at] as number,
    storedBytes: index.storedLengths[at] as number,
    sha256: index.digests.slice(at * 32, at * 32 + 32),
    ...(at === chunk ? change : {}),
  }));
  return encodeChunkIndex(buildChunkIndex(rows));
}

/** A chunk that becomes 64 MiB, in the place of the first one that is compressed and long enough. */
function withBomb(cut: CutRoot): { chunks: Uint8Array } {
  const bomb = zstdCompressSync(Buffer.alloc(64 * 2 ** 20));
  const place = sound.index.storedLengths.findIndex(
    (stored, at) => stored < (sound.index.lengths[at] as number) && stored >= 24,
  );
  const chunks = Buffer.from(cut.chunks);
  bomb.copy(chunks, cut.index.storedOffsets[place] as number, 0, cut.index.storedLengths[place] as number);
  return { chunks };
}

const noise = (length: number) => Buffer.from(makeRoot(9, length + 96).subarray(96));

describe('a release that was made with bad intent', () => {
  it.each<[what: string, parts: (cut: CutRoot) => { index?: Uint8Array; chunks?: Uint8Array }]>([
    ['an index of garbage', () => ({ index: noise(5000) })],
    ['an index that is cut off', ({ index }) => ({ index: encodeChunkIndex(index).subarray(0, 100) })],
    ['an index that says it has 4 billion chunks', ({ index }) => ({ index: bombIndex(encodeChunkIndex(index)) })],
    ['an index of another root', () => ({ index: encodeChunkIndex(buildChunkIndex([CHUNK])) })],
    ['an index with a longer chunk', (cut) => ({ index: indexWith(cut, 0, { lengthBytes: 2 ** 20 }) })],
    ['an index with less stored', (cut) => ({ index: indexWith(cut, 0, { storedBytes: 1 }) })],
    ['chunks of garbage', ({ chunks }) => ({ chunks: noise(chunks.length) })],
    [
      'chunks in another order',
      ({ chunks }) => ({ chunks: Buffer.concat([chunks.subarray(9000), chunks.subarray(0, 9000)]) }),
    ],
    ['chunks that become huge', withBomb],
  ])('with %s is refused, and a sound one is taken afterwards', async (_what, parts) => {
    const folder = `hostile${(count += 1)}`;
    await writeTestRelease({ folder: join(made.root, folder), root: ROOT, parts });
    await expect(apply(`dir:/${folder}`, folder)).rejects.toMatchObject({ code: 'RELEASE_DAMAGED' });
    expect(await apply('dir:/sound', folder)).toBe(sound.rootHash);
  });

  it('does not make the machine unpack more than a chunk', async () => {
    const before = process.memoryUsage().rss;
    const folder = `hostile${(count += 1)}`;
    await writeTestRelease({ folder: join(made.root, folder), root: ROOT, parts: withBomb });
    await apply(`dir:/${folder}`, folder).catch(() => undefined);
    expect(process.memoryUsage().rss - before).toBeLessThan(48 * 2 ** 20);
  });

  it.each([
    ['another root', { root: { sha256: `sha256:${'0'.repeat(64)}` as const, sizeBytes: SIZE + 4096 } }],
    ['other chunks', { chunks: { sha256: `sha256:${'0'.repeat(64)}` as const, sizeBytes: 77 } }],
  ])('whose document names %s is refused', async (_what, document) => {
    const folder = `hostile${(count += 1)}`;
    await writeTestRelease({ folder: join(made.root, folder), root: ROOT, document });
    await expect(apply(`dir:/${folder}`, folder)).rejects.toMatchObject({ code: 'RELEASE_DAMAGED' });
  });
});

const CHUNK = { lengthBytes: 4096, storedBytes: 4096, sha256: new Uint8Array(32) };

function bombIndex(bytes: Uint8Array): Uint8Array {
  new DataView(bytes.buffer).setUint32(8, 0xffffffff, true);
  return bytes;
}

describe.concurrent('a bit that flips on the way', () => {
  const chunks = Array.from({ length: 12 }, (_, chunk) => chunk);
  const rows = chunks.flatMap((chunk) => (['once', 'always'] as const).map((often) => ({ chunk, often })));
  it.each(rows)('in chunk $chunk, $often', async ({ chunk, often }) => {
    const server = await ReleaseServer.start(sound.folder);
    try {
      const number = Math.min(chunk, sound.index.count - 1);
      const at = (sound.index.storedOffsets[number] as number) + 10;
      let isDone = false;
      server.misbehave = (asked) => {
        const isHit = asked.what === sound.document.chunks.sha256 && asked.start <= at && at < asked.end;
        if (!isHit || isDone) return false;
        isDone = often === 'once';
        const bytes = Buffer.from(asked.bytes);
        bytes[at] = (bytes[at] as number) ^ 1;
        answerSoundly({ ...asked, bytes });
        return true;
      };
      const slot = `flip-${chunk}-${often}`;
      if (often === 'once') expect(await apply(server.url, slot)).toBe(sound.rootHash);
      else await expect(apply(server.url, slot)).rejects.toMatchObject({ code: 'RELEASE_DAMAGED' });
      server.misbehave = undefined;
      expect(await apply(server.url, slot)).toBe(sound.rootHash);
    } finally {
      await server.stop();
    }
  });
});

describe('a network', () => {
  it('that cuts every connection somewhere is survived', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 30_000 }), { minLength: 1, maxLength: 10 }), async (cuts) => {
        const server = await ReleaseServer.start(sound.folder);
        let turn = 0;
        server.misbehave = (asked) => {
          const length = cuts[turn++ % cuts.length] as number;
          if (asked.what === 'index' || length >= asked.end - asked.start) return false;
          writeHead(asked, asked.end - asked.start);
          const part = asked.bytes.subarray(asked.start, asked.start + length);
          asked.response.write(part, () => setTimeout(() => asked.response.destroy(), 2));
          return true;
        };
        const outcome = await apply(server.url, `cut${(count += 1)}`).catch((error: { code: string }) => error.code);
        // Connections that bring less than counts as progress may use up the tries.
        expect(
          cuts.some((length) => length < 64) ? [sound.rootHash, 'SOURCE_UNAVAILABLE'] : [sound.rootHash],
        ).toContain(outcome);
        await server.stop();
      }),
      { numRuns: 12 },
    );
  });

  it('that brings another release in the middle ends with an error, and the next run takes the new one', async () => {
    const other = await writeTestRelease({ folder: join(made.root, 'other'), root: makeRoot(2, SIZE), version: '2' });
    const server = await ReleaseServer.start(sound.folder);
    server.misbehave = (asked) => {
      if (asked.what === sound.document.chunks.sha256) server.folder = other.folder;
      if (server.folder !== other.folder) return false;
      asked.response.writeHead(404).end();
      return true;
    };
    await expect(apply(server.url, 'swap')).rejects.toMatchObject({ code: 'SOURCE_UNAVAILABLE' });
    server.misbehave = undefined;
    expect(await apply(server.url, 'swap')).toBe(other.rootHash);
    await server.stop();
  });
});
