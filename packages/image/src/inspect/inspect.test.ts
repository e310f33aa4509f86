import { mkdir, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NodeProcesses } from '@bowline/host';
import { formatManifest, type Manifest } from '@bowline/spec';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { detectImage } from './detect-image.ts';
import { inspectImage } from './inspect-image.ts';
import { locateImage } from './locate-image.ts';
import { openQcow2 } from './qcow2-disk.ts';
import { withRandomFile } from './random-file.ts';

let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bowline-inspect-'));
});

afterAll(async () => {
  await rm(folder, { recursive: true });
});

async function write(
  name: string,
  parts: readonly [offset: number, text: string][],
  sizeBytes: number,
): Promise<string> {
  const path = join(folder, name);
  const bytes = Buffer.alloc(Math.max(sizeBytes, ...parts.map(([offset, text]) => offset + text.length)));
  for (const [offset, text] of parts) bytes.write(text, offset, 'latin1');
  await writeFile(path, bytes);
  return path;
}

const DIGEST = `sha256:${'a'.repeat(64)}` as const;

function manifestWith(files: Manifest['files']): Manifest {
  const root = { rootHash: 'b'.repeat(64), kernelVersion: '6.12', slotBytes: 2 ** 30, squashfsBytes: 2 ** 28 };
  return {
    manifestVersion: 1,
    name: 'edge',
    version: '1',
    imageId: DIGEST,
    arch: ['amd64', 'arm64'],
    debug: true,
    files,
    roots: { arm64: root },
    tools: {},
  };
}

describe('detectImage', () => {
  it.each([
    ['disk', 'raw', [[512, 'EFI PART']]],
    ['boot-sector', 'raw', [[510, '\x55\xaa']]],
    [
      'hybrid',
      'iso',
      [
        [512, 'EFI PART'],
        [32769, 'CD001'],
      ],
    ],
    ['disk.qcow2', 'qcow2', [[0, 'QFI\xfb']]],
    ['packed', 'raw-zst', [[0, '\x28\xb5\x2f\xfd']]],
    [
      'uki',
      'uki',
      [
        [0, 'MZ'],
        [0x3c, '\x80'],
        [0x80, 'PE\0\0'],
      ],
    ],
    [
      'dos',
      'unknown',
      [
        [0, 'MZ'],
        [0x3c, '\xff\xff\xff\xff'],
      ],
    ],
    ['empty', 'unknown', []],
  ] as [string, string, [number, string][]][])('takes %s for %s by its bytes', async (name, kind, parts) => {
    expect(await detectImage(await write(name, parts, 0))).toBe(kind);
  });

  it('knows folders by the file that makes them what they are', async () => {
    for (const [kind, file] of [
      ['build', 'manifest.json'],
      ['netboot', 'boot.ipxe'],
      ['oci', 'oci-layout'],
    ] as const) {
      await mkdir(join(folder, kind), { recursive: true });
      expect(await detectImage(join(folder, kind))).toBe('unknown');
      await writeFile(join(folder, kind, file), '');
      expect(await detectImage(join(folder, kind))).toBe(kind);
    }
  });
});

describe('locateImage', () => {
  it('chooses the best artefact of a build for the architecture, and knows what the manifest says', async () => {
    const build = join(folder, 'edge');
    await mkdir(build);
    const files = (['iso', 'raw'] as const).map((output) => ({
      path: `edge-arm64.${output}`,
      arch: 'arm64' as const,
      output,
      sizeBytes: 1,
      sha256: DIGEST,
    }));
    await writeFile(join(build, 'manifest.json'), formatManifest(manifestWith(files)));
    await write('edge/edge-arm64.iso', [[32769, 'CD001']], 0);
    expect(await locateImage(build)).toMatchObject({ path: join(build, 'edge-arm64.iso'), kind: 'iso', arch: 'arm64' });
    await write('edge/edge-arm64.raw', [[512, 'EFI PART']], 2048);
    const best = { path: join(build, 'edge-arm64.raw'), kind: 'raw', arch: 'arm64', debug: true };
    expect(await locateImage(build)).toMatchObject(best);
    expect(await locateImage(best.path)).toMatchObject(best);
    expect((await locateImage(build)).smallestDiskBytes).toBeGreaterThan(3 * 2 ** 30);
    await expect(locateImage(build, 'amd64')).rejects.toMatchObject({ code: 'IMAGE_MISSING' });
  });

  it('reads the architecture of a disk from its partition types', async () => {
    const guid = '45b021b9f01dc341af444c6f280d3fae';
    const path = await write(
      'arm.raw',
      [
        [512, 'EFI PART'],
        [1024, Buffer.from(guid, 'hex').toString('latin1')],
      ],
      34 * 512,
    );
    expect(await locateImage(path)).toMatchObject({ arch: 'arm64', debug: false });
  });

  it('says what it cannot boot', async () => {
    await expect(locateImage(join(folder, 'nowhere'))).rejects.toMatchObject({ code: 'IMAGE_MISSING' });
    await expect(locateImage(await write('text', [[0, 'hello']], 0))).rejects.toMatchObject({
      code: 'IMAGE_UNREADABLE',
    });
  });
});

describe('inspectImage', () => {
  /** A disk made by the tools of the system: an ESP with files, and a partition without content. */
  async function makeDisk(): Promise<string | undefined> {
    const processes = new NodeProcesses();
    const run = (...argv: [string, ...string[]]) => processes.run({ argv, timeoutMs: 20_000 });
    const disk = join(folder, 'real.raw');
    const esp = join(folder, 'esp.img');
    await writeFile(disk, '');
    await truncate(disk, 80 * 2 ** 20);
    await writeFile(esp, '');
    await truncate(esp, 64 * 2 ** 20);
    try {
      const type = '4f68bce3-e8cd-4db1-96e7-fbcaf984b709';
      await run(
        'sgdisk',
        '-n1:2048:133119',
        '-t1:ef00',
        '-c1:esp',
        `-n2:133120:+1M`,
        `-t2:${type}`,
        '-c2:root-a',
        disk,
      );
      await run('mkfs.vfat', '-F32', '-s1', esp);
      await writeFile(join(folder, 'loader.conf'), 'timeout 0\n');
      await run('mmd', '-i', esp, '::/loader');
      await run('mcopy', '-i', esp, join(folder, 'loader.conf'), '::/loader/loader.conf');
      await run('dd', `if=${esp}`, `of=${disk}`, 'bs=1M', 'seek=1', 'conv=notrunc');
      await run('qemu-img', 'convert', '-O', 'qcow2', disk, `${disk}.qcow2`);
    } catch {
      return undefined;
    }
    return disk;
  }

  it('lists partitions and the files of the ESP, in a raw disk and in a qcow2 of it alike', async (ctx) => {
    const disk = await makeDisk();
    if (disk === undefined) return ctx.skip('sgdisk, mkfs.vfat, mtools or qemu-img is not installed');
    const raw = await inspectImage(disk);
    expect(raw).toMatchObject({
      kind: 'raw',
      arch: 'amd64',
      problems: [],
      partitions: [
        { number: 1, label: 'esp', typeName: 'EFI system', sizeBytes: 64 * 2 ** 20, content: 'FAT32, 1 files' },
        { number: 2, label: 'root-a', typeName: 'root amd64', sizeBytes: 2 ** 20, content: 'empty' },
      ],
      bootFiles: [{ sizeBytes: 10 }],
    });
    expect(raw.bootFiles[0]?.path).toMatch(/loader\/loader\.conf$/i);
    const qcow2 = await inspectImage(`${disk}.qcow2`);
    expect(qcow2).toMatchObject({ kind: 'qcow2', diskBytes: 80 * 2 ** 20 });
    expect(qcow2.partitions).toEqual(raw.partitions);
    expect(qcow2.bootFiles).toEqual(raw.bootFiles);
    return undefined;
  });

  it('refuses damaged images instead of reading beyond them', async () => {
    const torn = await write('torn.qcow2', [[0, 'QFI\xfb\0\0\0\x03']], 60);
    await expect(inspectImage(torn)).rejects.toMatchObject({ code: 'IMAGE_UNREADABLE' });
    const noTable = await write('no-table.raw', [[510, '\x55\xaa']], 1 << 20);
    await expect(inspectImage(noTable)).rejects.toMatchObject({ code: expect.stringMatching(/^FORMAT_/) });
    await expect(withRandomFile(torn, async (bytes) => bytes.read(50, 2 ** 40))).rejects.toMatchObject({
      code: 'IMAGE_UNREADABLE',
    });
  });

  it('does not follow a qcow2 image to another file', async () => {
    const header = Buffer.alloc(112);
    header.write('QFI\xfb', 'latin1');
    header.writeUInt32BE(3, 4);
    header.writeBigUInt64BE(104n, 8);
    header.writeUInt32BE(16, 20);
    const bytes = { sizeBytes: 112, read: async (at: number, length: number) => header.subarray(at, at + length) };
    await expect(openQcow2(bytes)).rejects.toMatchObject({ code: 'IMAGE_UNREADABLE' });
  });
});
