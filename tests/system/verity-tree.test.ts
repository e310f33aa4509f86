import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { planVerityTree, VerityTreeBuilder } from '@bowline/formats';
import { HostError, nodeHost } from '@bowline/host';
import { describe, expect, it } from 'vitest';

/** A machine builds the hash tree of a root itself; it must be the one that the build made with veritysetup. */

const UUID = '12345678-9abc-4def-8123-456789abcdef';
const BLOCK = 4096;
const { processes } = nodeHost();
const sha256 = (bytes: Uint8Array): Uint8Array => createHash('sha256').update(bytes).digest();

/** Blocks that all differ. */
function blocks(count: number): Uint8Array {
  const data = new Uint8Array(count * BLOCK);
  const view = new DataView(data.buffer);
  for (let at = 0; at < count; at++) view.setUint32(at * BLOCK, at + 1, true);
  return data;
}

describe('the hash tree a machine builds', () => {
  it.for([1, 2, 127, 128, 129, 16_384, 16_385])('of %d blocks is what veritysetup writes', async (count, ctx) => {
    const folder = await mkdtemp(join(tmpdir(), 'bowline-verity-'));
    try {
      const [data, hashes] = [join(folder, 'data'), join(folder, 'hashes')];
      const salt = sha256(Uint8Array.of(count)).subarray(0, count % 33);
      await writeFile(data, blocks(count));
      const argv = [
        'veritysetup',
        'format',
        `--salt=${Buffer.from(salt).toString('hex') || '-'}`,
        `--uuid=${UUID}`,
      ] as const;
      const env = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' };
      const result = await processes
        .run({ argv: [...argv, data, hashes], env, timeoutMs: 60_000 })
        .catch((error: unknown) => {
          if (error instanceof HostError && error.code === 'PROCESS_NOT_FOUND') return undefined;
          throw error;
        });
      if (result === undefined) return ctx.skip('veritysetup is not installed');
      const area = new Uint8Array(planVerityTree(count).hashBytes);
      const write = (offset: number, block: Uint8Array): void => area.set(block, offset);
      const builder = new VerityTreeBuilder({ dataBlocks: count, salt, uuid: UUID, sha256, write });
      builder.add(blocks(count));
      const rootHash = Buffer.from(builder.finish()).toString('hex');
      expect(new TextDecoder().decode(result.stdout)).toMatch(new RegExp(`Root hash:\\s+${rootHash}`));
      expect(Buffer.compare(await readFile(hashes), area)).toBe(0);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});
