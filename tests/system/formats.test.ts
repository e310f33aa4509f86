import { createHash, createSign } from 'node:crypto';
import {
  closeSync,
  existsSync,
  ftruncateSync,
  globSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  addSections,
  authenticodeHash,
  type CpioEntry,
  composeUki,
  isElf,
  PARTITION_TYPE,
  parseElf,
  parseGpt,
  parsePe,
  parseQcow2Header,
  parseSquashfsSuperblock,
  parseVeritySuperblock,
  placePartitions,
  planFat32,
  readFat32,
  type Sha256,
  signPe,
  writeCpio,
  writeGpt,
} from '@bowline/formats';
import { HostError, nodeHost } from '@bowline/host';
import { afterAll, beforeAll, describe, expect, it, type TestContext } from 'vitest';
import { openToolbox } from './fixtures/toolbox.ts';

/** Every format is read back by a tool that knows nothing of this project. */

const EPOCH = 1767225600;
const MIB = 2 ** 20;
const { processes } = nodeHost();
let folder = '';

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'bowline-formats-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs a tool in the test's folder and returns what it prints; skips the test when it is not installed. */
async function run(ctx: TestContext, argv: readonly [string, ...string[]], stdin?: Uint8Array): Promise<string> {
  try {
    const result = await processes.run({
      argv,
      cwd: folder,
      env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', MTOOLS_SKIP_CHECK: '1' },
      timeoutMs: 60_000,
      ...(stdin ? { stdin: { kind: 'bytes', bytes: stdin } } : {}),
    });
    return new TextDecoder('latin1').decode(result.stdout);
  } catch (error) {
    if (error instanceof HostError && error.code === 'PROCESS_NOT_FOUND') ctx.skip(`${argv[0]} is not installed`);
    throw error;
  }
}

function writeSparse(name: string, sizeBytes: number, parts: readonly { offset: number; bytes: Uint8Array }[]): string {
  const path = join(folder, name);
  const file = openSync(path, 'w');
  ftruncateSync(file, sizeBytes);
  for (const { offset, bytes } of parts) writeSync(file, bytes, 0, bytes.length, offset);
  closeSync(file);
  return path;
}

function readPart(path: string, offset: number, length: number): Uint8Array {
  const file = openSync(path, 'r');
  const bytes = new Uint8Array(length);
  const got = readSync(file, bytes, 0, length, offset);
  closeSync(file);
  return bytes.subarray(0, got);
}

interface BootFiles {
  stub: Uint8Array;
  loader: Uint8Array;
}

/** systemd-stub and systemd-boot of the toolbox, which has those of both architectures. */
async function readBootFiles(): Promise<Record<'x64' | 'aa64', BootFiles>> {
  const { root } = await openToolbox();
  const read = (name: string) => readFileSync(join(root, 'usr/lib/systemd/boot/efi', name));
  const of = (arch: string) => ({ stub: read(`linux${arch}.efi.stub`), loader: read(`systemd-boot${arch}.efi`) });
  return { x64: of('x64'), aa64: of('aa64') };
}

const sha256: Sha256 = (chunks) => {
  const hash = createHash('sha256');
  for (const chunk of chunks) hash.update(chunk);
  return hash.digest();
};

describe('cpio', () => {
  it('is listed and extracted by cpio(1)', async (ctx) => {
    const entries: CpioEntry[] = [
      { type: 'file', path: 'etc/motd', mode: 0o640, data: new TextEncoder().encode('hello\n') },
      { type: 'symlink', path: 'init', target: 'etc/motd' },
      { type: 'character', path: 'dev/console', mode: 0o600, major: 5, minor: 1 },
      { type: 'directory', path: 'tmp', mode: 0o1777 },
    ];
    const archive = writeCpio(entries, { mtimeSeconds: EPOCH });
    const lines = (await run(ctx, ['cpio', '-itvn', '--quiet'], archive)).trim().split('\n');
    expect(lines.map((line) => line.replaceAll(/\s+/g, ' '))).toEqual([
      'drwxr-xr-x 2 0 0 0 Jan 1 2026 dev',
      'crw------- 1 0 0 5, 1 Jan 1 2026 dev/console',
      'drwxr-xr-x 2 0 0 0 Jan 1 2026 etc',
      '-rw-r----- 1 0 0 6 Jan 1 2026 etc/motd',
      'lrwxrwxrwx 1 0 0 8 Jan 1 2026 init -> etc/motd',
      'drwxrwxrwt 2 0 0 0 Jan 1 2026 tmp',
    ]);
    expect(await run(ctx, ['cpio', '-i', '--to-stdout', '--quiet', 'etc/motd'], archive)).toBe('hello\n');
  });
});

describe('ELF', () => {
  // libc.so and libm.so are linker scripts where a compiler is installed.
  const libraries = globSync('/lib/*-linux-gnu/lib{c,m,resolv,crypto,systemd}.so.*');
  const programs = ['/bin/sh', '/usr/bin/env', process.execPath].filter((path) => existsSync(path));
  it.for([...programs, ...libraries])('of %s agrees with readelf', async (path, ctx) => {
    const bytes = readFileSync(path);
    if (!isElf(bytes)) return ctx.skip('it is a linker script');
    const text = await run(ctx, ['readelf', '-dlW', path]);
    const all = (pattern: RegExp): string[] => [...text.matchAll(pattern)].map((match) => match[1] ?? '');
    const info = parseElf(bytes);
    expect(info.needed).toEqual(all(/\(NEEDED\).*\[(.*)\]/g));
    expect([info.soname].filter(Boolean)).toEqual(all(/\(SONAME\).*\[(.*)\]/g));
    expect([info.interpreter].filter(Boolean)).toEqual(all(/interpreter: (.*)\]/g));
  });
});

describe('GPT', () => {
  const { partitions, diskSizeBytes } = placePartitions([
    {
      typeGuid: PARTITION_TYPE.esp,
      partGuid: 'aaaaaaaa-0000-4000-8000-000000000001',
      name: 'esp',
      sizeBytes: 40 * MIB,
    },
    {
      typeGuid: PARTITION_TYPE.root.arm64,
      partGuid: 'aaaaaaaa-0000-4000-8000-000000000002',
      name: 'root-a',
      sizeBytes: 70 * MIB,
      attributes: ['read-only', 'no-auto'],
    },
  ]);
  const writeDisk = (): string => {
    const diskGuid = '11111111-2222-4333-8444-555555555555';
    const { primary, backup, backupLba } = writeGpt({ diskGuid, sizeBytes: diskSizeBytes, partitions });
    return writeSparse('disk.raw', diskSizeBytes, [
      { offset: 0, bytes: primary },
      { offset: backupLba * 512, bytes: backup },
    ]);
  };

  it('is verified by sgdisk', async (ctx) => {
    const output = await run(ctx, ['sgdisk', '-v', writeDisk()]);
    expect(output).toContain('No problems found');
    expect(output).not.toContain('Caution');
    const details = await run(ctx, ['sgdisk', '-i', '2', writeDisk()]);
    expect(details).toContain('B921B045-1DF0-41C3-AF44-4C6F280D3FAE');
    expect(details).toContain("Partition name: 'root-a'");
    expect(details).toContain('Attribute flags: 9000000000000000');
  });

  it('that sgdisk wrote is read', async (ctx) => {
    const path = writeSparse('foreign.raw', 64 * MIB, []);
    await run(ctx, [
      'sgdisk',
      '-n',
      '1:0:+10M',
      '-t',
      '1:ef00',
      '-c',
      '1:System',
      '-n',
      '3:0:0',
      '-A',
      '3:set:60',
      path,
    ]);
    const found = parseGpt({
      start: readPart(path, 0, 34 * 512),
      end: readPart(path, 64 * MIB - 33 * 512, 33 * 512),
      diskSizeBytes: 64 * MIB,
    });
    expect(found.problems).toEqual([]);
    expect(found.partitions).toMatchObject([
      { number: 1, name: 'System', typeGuid: PARTITION_TYPE.esp, startLba: 2048, sizeBytes: 10 * MIB, attributes: [] },
      { number: 3, typeGuid: PARTITION_TYPE.linuxGeneric, attributes: ['read-only'] },
    ]);
  });
});

describe('FAT32', () => {
  const files = [
    { path: 'EFI/BOOT/BOOTX64.EFI', sizeBytes: 90_112 },
    { path: 'EFI/Linux/größe ünï.efi', sizeBytes: 5_000_001 },
    { path: 'loader/loader.conf', sizeBytes: 20 },
    ...Array.from({ length: 200 }, (_, index) => ({
      path: `loader/entries/bowline-${index}+3.conf`,
      sizeBytes: index,
    })),
  ];
  const contentOf = (path: string, length: number): Uint8Array => {
    const seed = createHash('sha256').update(path).digest();
    return Uint8Array.from({ length }, (_, index) => 0x20 + (((seed[index % 32] ?? 0) + index) % 64));
  };
  const writeVolume = (volumeSizeBytes: number, sectorBytes: 512 | 4096 = 512): string => {
    const volume = { volumeSizeBytes, sectorBytes, volumeId: 0x12345678, label: 'ESP', epochSeconds: EPOCH };
    const plan = planFat32({ files, ...volume });
    const parts = plan.extents.map((extent) => ({
      offset: extent.offset,
      bytes: 'bytes' in extent ? extent.bytes : contentOf(extent.path, extent.length),
    }));
    return writeSparse('esp.raw', volumeSizeBytes, parts);
  };

  it('of 4096-byte sectors passes fsck.vfat', async (ctx) => {
    const result = await run(ctx, ['fsck.vfat', '-nv', writeVolume(1024 * MIB, 4096)]);
    expect(result).toContain('4096 bytes per logical sector');
    expect(result).toMatch(/: 20\d files, /);
  });

  it.for([33 * MIB, 100 * MIB, 300 * MIB, 1024 * MIB])('of %i bytes passes fsck.vfat', async (volumeSizeBytes, ctx) => {
    // `-n` answers no to every repair and fails when there is one to make.
    const result = await run(ctx, ['fsck.vfat', '-nv', writeVolume(volumeSizeBytes)]);
    expect(result).toContain('512 bytes per logical sector');
    expect(result).toMatch(/: 20\d files, /);
  });

  it('is read by mtools', async (ctx) => {
    const path = writeVolume(300 * MIB);
    for (const { path: name, sizeBytes } of files.slice(0, 3)) {
      const content = await run(ctx, ['mtype', '-i', path, `::${name}`]);
      expect(content).toBe(new TextDecoder('latin1').decode(contentOf(name, sizeBytes)));
    }
    expect(await run(ctx, ['mdir', '-i', path, '::loader'])).toContain(
      'LOADER~1 CON        20 2026-01-01   0:00  loader.conf',
    );
  });

  it('that mkfs.vfat and mtools wrote is read', async (ctx) => {
    const path = writeSparse('foreign-esp.raw', 300 * MIB, []);
    await run(ctx, ['mkfs.vfat', '-F', '32', '-n', 'FOREIGN', path]);
    writeFileSync(join(folder, 'Some long name.txt'), 'x'.repeat(10_000));
    await run(ctx, ['mmd', '-i', path, '::Folder']);
    await run(ctx, ['mcopy', '-i', path, 'Some long name.txt', '::Folder/']);
    const found = await readFat32((offset, length) => readPart(path, offset, length));
    expect(found.label).toBe('FOREIGN');
    expect(found.entries).toMatchObject([
      { path: 'Folder', type: 'directory' },
      { path: 'Folder/Some long name.txt', type: 'file', sizeBytes: 10_000 },
    ]);
    const [run0] = found.entries[1]?.runs ?? [];
    expect(run0 && [...new Set(readPart(path, run0.offset, run0.length))]).toEqual([0x78]);
  });
});

describe('UKI', () => {
  let bootFiles: Record<'x64' | 'aa64', BootFiles> | undefined;
  beforeAll(async () => {
    bootFiles = await readBootFiles();
  });
  const bootFile = (arch: 'x64' | 'aa64', ctx: TestContext) => bootFiles?.[arch] ?? ctx.skip('there is no toolbox');

  /** Any EFI program will do as a kernel here: nothing is started. */
  const buildUki = ({ stub, loader }: { stub: Uint8Array; loader: Uint8Array }): Uint8Array =>
    composeUki({
      stub,
      linux: loader,
      initrd: new Uint8Array(100_001).fill(7),
      cmdline: 'quiet',
      osRelease: 'ID=debian\n',
      uname: '6.12.0-test',
      profiles: [{ id: 'main' }, { id: 'recovery', title: 'Recovery', cmdline: 'quiet mode=recovery' }],
    });

  const makeKey = async (ctx: TestContext): Promise<{ keyPem: string; certificatePem: string; der: Uint8Array }> => {
    const [keyPem, certificatePem] = [join(folder, 'db.key'), join(folder, 'db.crt')];
    const subject = ['-subj', '/CN=Test key', '-days', '3650', '-noenc', '-newkey', 'rsa:2048'] as const;
    await run(ctx, ['openssl', 'req', '-x509', '-keyout', keyPem, '-out', certificatePem, ...subject]);
    await run(ctx, ['openssl', 'x509', '-in', certificatePem, '-outform', 'DER', '-out', join(folder, 'db.der')]);
    return { keyPem, certificatePem, der: readFileSync(join(folder, 'db.der')) };
  };

  it.for(['x64', 'aa64'] as const)('for %s has the sections that objdump lists', async (arch, ctx) => {
    const files = bootFile(arch, ctx);
    const uki = buildUki(files);
    const path = writeSparse('uki.efi', uki.length, [{ offset: 0, bytes: uki }]);
    const bfd = arch === 'x64' ? 'pei-x86-64' : 'pei-aarch64-little';
    const known = await run(ctx, ['objdump', '-i']);
    if (!known.includes(bfd)) return ctx.skip(`objdump does not know ${bfd}`);
    const listed = await run(ctx, ['objdump', '-h', '-b', bfd, path]);
    const names = [...listed.matchAll(/^ *\d+ (\S+) +([0-9a-f]{8})/gm)].map((match) => match[1]);
    expect(names).toEqual(parsePe(uki).sections.map(({ name }) => name));
    expect(names.slice(-8)).toEqual([
      '.osrel',
      '.cmdline',
      '.uname',
      '.linux',
      '.initrd',
      '.profile',
      '.profile',
      '.cmdline',
    ]);
  });

  it.for(['x64', 'aa64'] as const)('for %s is signed so that sbverify accepts it', async (arch, ctx) => {
    const { keyPem, certificatePem, der } = await makeKey(ctx);
    const files = bootFile(arch, ctx);
    const sign = (data: Uint8Array) => createSign('sha256').update(data).sign(readFileSync(keyPem));
    for (const image of [buildUki(files), files.loader, addSections(files.stub, [])]) {
      const signed = await signPe({ image, certificateDer: der, sign, sha256 });
      const path = writeSparse('signed.efi', signed.length, [{ offset: 0, bytes: signed }]);
      await run(ctx, ['sbverify', '--cert', certificatePem, path]);
      const twice = await signPe({ image: signed, certificateDer: der, sign, sha256 });
      expect(
        await run(ctx, ['sbverify', '--list', writeSparse('twice.efi', twice.length, [{ offset: 0, bytes: twice }])]),
      ).toMatch(/signature 1[\s\S]*signature 2/);

      const damaged = signed.slice();
      damaged[0x500] = (damaged[0x500] ?? 0) ^ 1;
      const bad = writeSparse('damaged.efi', damaged.length, [{ offset: 0, bytes: damaged }]);
      await expect(run(ctx, ['sbverify', '--cert', certificatePem, bad])).rejects.toThrow(HostError);
    }
  });

  it('signed by sbsign has the digest that is computed here', async (ctx) => {
    const { keyPem, certificatePem, der } = await makeKey(ctx);
    const uki = buildUki(bootFile('x64', ctx));
    const path = writeSparse('plain.efi', uki.length, [{ offset: 0, bytes: uki }]);
    const signedPath = join(folder, 'by-sbsign.efi');
    await run(ctx, ['sbsign', '--key', keyPem, '--cert', certificatePem, '--output', signedPath, path]);
    const theirs = readFileSync(signedPath);
    expect(authenticodeHash(theirs, sha256)).toEqual(authenticodeHash(uki, sha256));
    const sign = (data: Uint8Array) => createSign('sha256').update(data).sign(readFileSync(keyPem));
    const ours = await signPe({ image: uki, certificateDer: der, sign, sha256 });
    const places = (bytes: Uint8Array) => parsePe(bytes).certificates?.offset;
    expect(places(ours)).toBe(places(theirs));
  });
});

describe('headers of images', () => {
  it('made by veritysetup', async (ctx) => {
    const data = writeSparse('root.raw', 4 * MIB, []);
    const uuid = '11223344-5566-4788-99aa-bbccddeeff00';
    const salt = 'ab'.repeat(32);
    await run(ctx, ['veritysetup', 'format', `--salt=${salt}`, `--uuid=${uuid}`, data, join(folder, 'root.verity')]);
    expect(parseVeritySuperblock(readPart(join(folder, 'root.verity'), 0, 512))).toEqual({
      uuid,
      hashType: 1,
      algorithm: 'sha256',
      dataBlockSizeBytes: 4096,
      hashBlockSizeBytes: 4096,
      dataBlocks: 1024,
      salt,
    });
  });

  it('made by mksquashfs', async (ctx) => {
    const image = join(folder, 'root.squashfs');
    writeFileSync(join(folder, 'a-file'), 'content');
    const times = ['-mkfs-time', String(EPOCH), '-all-time', String(EPOCH)] as const;
    await run(ctx, ['mksquashfs', join(folder, 'a-file'), image, '-comp', 'zstd', '-b', '128K', '-quiet', ...times]);
    const header = parseSquashfsSuperblock(readPart(image, 0, 96));
    expect(header).toMatchObject({ version: '4.0', compression: 'zstd', blockSizeBytes: 131_072, inodeCount: 2 });
    expect(header.createdSeconds).toBe(EPOCH);
    expect(header.bytesUsed).toBeLessThanOrEqual(readFileSync(image).length);
  });

  it('made by qemu-img', async (ctx) => {
    const image = join(folder, 'disk.qcow2');
    await run(ctx, ['qemu-img', 'create', '-q', '-f', 'qcow2', '-o', 'compression_type=zstd', image, '123M']);
    expect(parseQcow2Header(readPart(image, 0, 112))).toEqual({
      version: 3,
      virtualSizeBytes: 123 * MIB,
      clusterSizeBytes: 65_536,
      hasBackingFile: false,
      isEncrypted: false,
      compression: 'zstd',
    });
  });
});
