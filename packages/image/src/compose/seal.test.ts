import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { HostError, type LocalBlobStore, type ProcessResult } from '@bowline/host';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Toolbox, ToolboxRun } from '../toolbox/toolbox.ts';
import { buildSquashfs, sqfstarArguments } from './build-squashfs.ts';
import { formatVerity, verityParameters } from './format-verity.ts';
import { layerOf, openTestStore } from './layer-fixture.ts';
import { mergeLayers } from './merge-layers.ts';

let store: LocalBlobStore;
let folder: string;
let close: () => Promise<void>;
beforeEach(async () => {
  ({ store, folder, close } = await openTestStore());
});
afterEach(() => close());

/** A toolbox whose one tool does what the test says, with `/out/...` turned into a path of this machine. */
function toolboxThat(work: (spec: ToolboxRun, target: string) => Promise<Partial<ProcessResult>>): Toolbox {
  return {
    digest: `sha256:${'0'.repeat(64)}`,
    packages: {},
    root: '/nowhere',
    run: async (spec) => {
      const inside = spec.argv.at(-1) ?? '';
      const bind = spec.binds.find(({ target }) => inside.startsWith(`${target}/`));
      const target = join(bind?.source ?? '', inside.slice((bind?.target.length ?? 0) + 1));
      return { exitCode: 0, stdout: new Uint8Array(), stderrTail: '', ...(await work(spec, target)) };
    },
  };
}

async function drain(spec: ToolboxRun): Promise<Buffer> {
  const parts: Buffer[] = [];
  if (spec.stdin?.kind === 'stream') for await (const part of spec.stdin.stream) parts.push(Buffer.from(part));
  return Buffer.concat(parts);
}

const build = async (toolbox: Toolbox) =>
  buildSquashfs({
    tree: mergeLayers([await layerOf(store, [{ path: 'a', content: 'x' }])]),
    store,
    toolbox,
    outputPath: join(folder, 'root.squashfs'),
  });

describe('buildSquashfs', () => {
  it('says everything that sqfstar would else take from the builder', () => {
    expect(sqfstarArguments('/out/x').join(' ')).toBe(
      'sqfstar -comp zstd -Xcompression-level 3 -b 128K -no-fragments -mem 256M -processors 2 ' +
        '-root-mode 0755 -root-uid 0 -root-gid 0 -exit-on-error -quiet -no-progress /out/x',
    );
  });

  it('puts the finished file in place with a mode of its own', async () => {
    const toolbox = toolboxThat(async (spec, target) => {
      expect(spec.env).toEqual({ SOURCE_DATE_EPOCH: '1767225600' });
      await writeFile(target, await drain(spec), { mode: 0o600 });
      return {};
    });
    const { sizeBytes } = await build(toolbox);
    expect((await readFile(join(folder, 'root.squashfs'))).length).toBe(sizeBytes);
    expect(await readdir(folder)).toEqual(['root.squashfs', 'store']);
  });

  it.each([
    ['stdout', { stdout: Buffer.from('Ignoring unrecognised xattr\n') }],
    ['stderr', { stderrTail: 'a: hard link to missing file, ignoring' }],
  ])('takes any message of sqfstar on %s as a failure and leaves nothing', async (_, said) => {
    const toolbox = toolboxThat(async (spec, target) => {
      await writeFile(target, await drain(spec));
      return said;
    });
    await expect(build(toolbox)).rejects.toMatchObject({
      code: 'SQUASHFS_FAILED',
      message: expect.stringMatching(/gnoring/),
    });
    expect(await readdir(folder)).toEqual(['store']);
  });

  it('leaves nothing when sqfstar fails', async () => {
    const toolbox = toolboxThat(async (_spec, target) => {
      await writeFile(target, 'half');
      throw new HostError({ code: 'PROCESS_FAILED', message: 'sqfstar failed with exit code 1' });
    });
    await expect(build(toolbox)).rejects.toThrow('exit code 1');
    expect(await readdir(folder)).toEqual(['store']);
  });
});

describe('formatVerity', () => {
  const format = (toolbox: Toolbox) => {
    const key = `sha256:${'1'.repeat(64)}` as const;
    const squashfs = join(folder, 'root.squashfs');
    return formatVerity({ squashfs, out: join(folder, 'root.verity'), toolbox, ...verityParameters(key) });
  };

  it('reads the root hash that veritysetup prints', async () => {
    const toolbox = toolboxThat(async (_spec, target) => {
      await writeFile(target, 'tree');
      return {
        stdout: Buffer.from(`VERITY header information\nHash type:\t1\nRoot hash:      \t${'ab'.repeat(32)}\n`),
      };
    });
    expect(await format(toolbox)).toEqual({ rootHash: 'ab'.repeat(32) });
    expect(await readdir(folder)).toEqual(['root.verity', 'store']);
  });

  it('leaves nothing when there is none', async () => {
    const toolbox = toolboxThat(async (_spec, target) => {
      await writeFile(target, 'tree');
      return {};
    });
    await expect(format(toolbox)).rejects.toMatchObject({ code: 'TOOLBOX_FAILED' });
    expect(await readdir(folder)).toEqual(['store']);
  });

  it('salt and UUID follow from the key alone, and differ for another', () => {
    const one = verityParameters(`sha256:${'1'.repeat(64)}`);
    expect(one).toEqual(verityParameters(`sha256:${'1'.repeat(64)}`));
    expect(one.salt).toMatch(/^[0-9a-f]{64}$/);
    expect(one.uuid).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(verityParameters(`sha256:${'2'.repeat(64)}`)).not.toEqual(one);
  });
});
