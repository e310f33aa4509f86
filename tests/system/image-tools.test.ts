import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { zstdDecompressSync } from 'node:zlib';
import { type IndexedEntry, isElf, parseElf, TarParser } from '@bowline/formats';
import { nodeHost } from '@bowline/host';
import { type Manifest, parseManifest } from '@bowline/spec';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bowlineJson } from './fixtures/cli.ts';
import { cutPartition, flipByte } from './fixtures/disk-image.ts';
import { lacks } from './fixtures/machine.ts';
import { writePinnedBowl } from './fixtures/tiny-build.ts';
import { MUSL_LOADER } from './fixtures/tiny-root.ts';
import { inToolbox } from './fixtures/toolbox.ts';

const OUTPUTS = ['raw', 'raw-zst', 'qcow2', 'iso', 'uki', 'oci'] as const;

let folder = '';
let out = '';
let raw = '';
let manifest: Manifest;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bowline-tools-'));
  out = join(folder, 'out/tiny');
  const keys = join(folder, 'keys');
  await bowlineJson(['keys', 'generate', keys, '--test']);
  await bowlineJson(['keys', 'generate', join(folder, 'other'), '--test']);
  const bowl = join(folder, 'bowl');
  await writePinnedBowl(bowl, `outputs: [${OUTPUTS.join(', ')}]`);
  const signing = ['--key', join(keys, 'test.key'), '--certificate', join(keys, 'test.crt')];
  await bowlineJson(['build', bowl, ...signing, '--out', join(folder, 'out')]);
  raw = join(out, 'tiny-1-amd64.raw');
  await cutPartition(raw, 'esp', join(folder, 'esp'));
  manifest = parseManifest(await readFile(join(out, 'manifest.json'), 'utf8'), 'manifest.json');
});

afterAll(() => rm(folder, { recursive: true, force: true }));

/** Runs a tool that sees the artefacts as /out, and what was cut out of them as /parts. */
function tool(...argv: [string, ...string[]]): ReturnType<typeof inToolbox> {
  return inToolbox(argv, { '/out': out, '/parts': folder });
}

/** sha256 of files as coreutils see it. */
async function sha256Of(...paths: string[]): Promise<string[]> {
  const { text } = await tool('sha256sum', ...paths);
  return text
    .trimEnd()
    .split('\n')
    .map((line) => `sha256:${line.slice(0, 64)}`);
}

describe('the manifest', () => {
  it('has size and sha256 of every artefact', async () => {
    const { files } = manifest;
    expect(new Set(files.map((file) => file.output))).toEqual(new Set(OUTPUTS));
    expect(await sha256Of(...files.map((file) => `/out/${file.path}`))).toEqual(files.map((file) => file.sha256));
    const sizes = await Promise.all(files.map(async (file) => (await stat(join(out, file.path))).size));
    expect(sizes).toEqual(files.map((file) => file.sizeBytes));
  });
});

describe('the disk image', () => {
  it('satisfies sgdisk', async () => {
    const run = await tool('sgdisk', '-v', '/out/tiny-1-amd64.raw');
    expect(run).toEqual({ exitCode: 0, text: expect.stringContaining('No problems found') });
    expect(run.text).not.toMatch(/problem:|caution/i);
  });

  it('has a root that veritysetup verifies with the root hash of the manifest, and not with one flipped byte', async () => {
    const { rootHash = '', squashfsBytes = 0 } = manifest.roots.amd64 ?? {};
    await cutPartition(raw, 'root-a', join(folder, 'root'), squashfsBytes);
    await cutPartition(raw, 'root-a-verity', join(folder, 'verity'));
    const verify = () => tool('veritysetup', 'verify', '/parts/root', '/parts/verity', rootHash);
    expect(await verify()).toMatchObject({ exitCode: 0 });
    const at = (squashfsBytes >> 1) + 1;
    await flipByte(join(folder, 'root'), at);
    const block = at - (at % 4096);
    const reason = expect.stringContaining(`Verification failed at position ${block}`);
    expect(await verify()).toEqual({ exitCode: 2, text: reason });
  });

  it('has an ESP that fsck.vfat finds nothing wrong with', async () => {
    const run = await tool('fsck.vfat', '-n', '/parts/esp');
    expect(run).toEqual({ exitCode: 0, text: expect.stringMatching(/\/parts\/esp: \d+ files, \d+\/\d+ clusters/) });
    expect(run.text.split('\n').filter(Boolean)).toHaveLength(2);
  });

  it('is what zstd unpacks from the compressed one', async () => {
    const unpacked = await tool('zstd', '-dq', '--sparse', '-o', '/parts/unpacked', '/out/tiny-1-amd64.raw.zst');
    expect(unpacked).toEqual({ exitCode: 0, text: '' });
    expect(await sha256Of('/parts/unpacked')).toEqual([manifest.files.find((file) => file.output === 'raw')?.sha256]);
  });

  it('is the same as the qcow2 image, which qemu-img finds clean', async () => {
    const check = await tool('qemu-img', 'check', '/out/tiny-1-amd64.qcow2');
    expect(check).toEqual({ exitCode: 0, text: expect.stringContaining('No errors were found') });
    const compare = await tool('qemu-img', 'compare', '/out/tiny-1-amd64.raw', '/out/tiny-1-amd64.qcow2');
    expect(compare).toEqual({ exitCode: 0, text: expect.stringContaining('Images are identical') });
  });
});

describe('the ISO', () => {
  const iso = '/out/tiny-1-amd64.iso';

  it('is read by xorriso without complaint, and has an entry for BIOS and one for UEFI', async () => {
    const run = await tool('xorriso', '-indev', iso, '-report_el_torito', 'plain');
    expect(run.exitCode).toBe(0);
    expect(run.text).not.toMatch(/: (?:WARNING|SORRY|FAILURE|FATAL) :/);
    const platforms = [...run.text.matchAll(/^El Torito boot img :\s+[0-9]+\s+(\S+)\s+y/gm)].map((match) => match[1]);
    expect(platforms).toEqual(['BIOS', 'UEFI']);
  });

  it('has the same root as the disk', async () => {
    await cutPartition(raw, 'root-a', join(folder, 'root-of-disk'), manifest.roots.amd64?.squashfsBytes);
    const extract = ['-osirrox', 'on', '-indev', iso, '-extract', '/live/root.squashfs', '/parts/root-of-iso'];
    expect(await tool('xorriso', ...extract)).toMatchObject({ exitCode: 0 });
    const [ofDisk, ofIso] = await sha256Of('/parts/root-of-disk', '/parts/root-of-iso');
    expect(ofIso).toBe(ofDisk);
  });
});

describe('signatures made with test keys', () => {
  it.for([
    ['the unified kernel image', () => Promise.resolve('/out/tiny-1-amd64.efi')],
    ['the boot loader on the ESP', () => fromEsp('::/EFI/BOOT/BOOTX64.EFI', 'loader.efi')],
    ['the kernel image on the ESP', async () => fromEsp(await kernelOnEsp(), 'kernel.efi')],
  ] as const)('on %s verify with that key, and with no other', async ([, get]) => {
    const signed = await get();
    const right = await tool('sbverify', '--cert', '/parts/keys/test.crt', signed);
    expect(right).toEqual({ exitCode: 0, text: expect.stringContaining('Signature verification OK') });
    const wrong = await tool('sbverify', '--cert', '/parts/other/test.crt', signed);
    expect(wrong).toEqual({ exitCode: 1, text: expect.stringContaining('Signature verification failed') });
  });

  async function fromEsp(path: string, name: string): Promise<string> {
    expect(await tool('mcopy', '-i', '/parts/esp', path, `/parts/${name}`)).toMatchObject({ exitCode: 0 });
    return `/parts/${name}`;
  }

  async function kernelOnEsp(): Promise<string> {
    const { text } = await tool('mdir', '-b', '-/', '-i', '/parts/esp', '::/');
    const [path, ...others] = text.split('\n').filter((line) => line.endsWith('.efi') && !/systemd|BOOT\//i.test(line));
    expect(others).toEqual([]);
    return path ?? '';
  }
});

describe('the container image', () => {
  it('has no program and no library for glibc', async () => {
    const programs = await readPrograms();
    const loader = `/${MUSL_LOADER.amd64}`;
    expect([...programs.keys()]).toEqual(expect.arrayContaining(['bin/busybox', MUSL_LOADER.amd64]));
    for (const [path, info] of programs) {
      if (path.startsWith('usr/lib/bowline/')) continue;
      expect([path, info.interpreter ?? loader]).toEqual([path, loader]);
      expect([path, info.needed.filter((name) => /^(?:libc\.so\.6|ld-linux)/.test(name))]).toEqual([path, []]);
    }
  });

  it('is read by skopeo, which finds every blob as it should be', async (ctx) => {
    const missing = await lacks({ title: 'skopeo', anyOf: ['skopeo'], debianPackages: ['skopeo'] });
    if (missing !== undefined) ctx.skip(missing);
    const from = `oci:${join(out, 'tiny-1-amd64-oci')}:1`;
    const argv = ['skopeo', '--insecure-policy', 'copy', '--quiet', from, `dir:${join(folder, 'copied')}`] as const;
    expect(await nodeHost().processes.run({ argv, timeoutMs: 120_000 })).toMatchObject({ exitCode: 0 });
  });
});

/** Every ELF file of the container image by path; the kernel's modules, which need no library, are left out. */
async function readPrograms(): Promise<Map<string, ReturnType<typeof parseElf>>> {
  const layout = join(out, 'tiny-1-amd64-oci');
  const blob = (digest: string) => readFile(join(layout, 'blobs', digest.replace(':', '/')));
  const index = JSON.parse(await readFile(join(layout, 'index.json'), 'utf8')) as { manifests: { digest: string }[] };
  const image = JSON.parse((await blob(index.manifests[0]?.digest ?? '')).toString()) as {
    layers: { digest: string }[];
  };
  const tar = zstdDecompressSync(await blob(image.layers[0]?.digest ?? ''));
  const entries: IndexedEntry[] = new TarParser().push(tar);
  const programs = new Map<string, ReturnType<typeof parseElf>>();
  for (const entry of entries) {
    if (entry.type !== 'file' || entry.path.endsWith('.ko')) continue;
    const bytes = tar.subarray(entry.offset, entry.offset + entry.size);
    if (isElf(bytes)) programs.set(entry.path, parseElf(bytes));
  }
  return programs;
}
