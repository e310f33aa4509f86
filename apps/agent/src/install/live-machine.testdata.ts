import { createHash } from 'node:crypto';
import { mkdir, open, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import {
  composeUki,
  measureFat32,
  PARTITION_TYPE,
  PE_MACHINE,
  placePartitions,
  planFat32,
  VerityTreeBuilder,
  writeGpt,
} from '@bowline/formats';
import { makeTestMachine, type TestFiles, type TestMachine } from '../machine/test-machine.testdata.ts';

const MIB = 2 ** 20;
const SLOT_BYTES = 8 * MIB;

/** A disk of the machine; the file that stands for it is sparse. */
export interface TestDiskOptions {
  /** Kernel name: `vda`. */
  name: string;
  sizeBytes?: number;
  sectorBytes?: number;
  files?: TestFiles;
}

/** A live system in a folder, with a root, the medium it came from, and disks. */
export interface LiveMachine extends TestMachine {
  /** The root, as it is in the image. */
  root0: Uint8Array;
  rootHash: string;
  uki: Uint8Array;
  ukiDigest: string;
  /** As this process opens a disk. */
  file(name: string): string;
  addDisk(disk: TestDiskOptions): Promise<void>;
}

/** What the machine differs in. */
export interface LiveMachineOptions {
  mode?: 'live' | 'netboot' | 'disk';
  disks?: readonly TestDiskOptions[];
  files?: TestFiles;
  commandLine?: string;
  /** Leave GRUB's images out of the medium. */
  withoutBios?: boolean;
  /** One bit of the UKI, or of the root, on the medium is another. */
  damageUki?: boolean;
  damageRoot?: boolean;
}

/** Makes the folder that stands for a live system: sysfs, loop devices below its root, and an ISO in a drive. */
export async function makeLiveMachine(options: LiveMachineOptions = {}): Promise<LiveMachine> {
  const { mode = 'live' } = options;
  const root0 = noise(3 * 4096 * 130, 'root');
  const { rootHash, tree } = hashTree(root0);
  const uki = composeUki({
    stub: makeEfiProgram(),
    linux: makeEfiProgram(),
    initrd: noise(60_000, 'initrd'),
    cmdline: `roothash=${rootHash} console=ttyS0`,
    osRelease: 'ID=test\n',
    uname: '6.12.0',
  });
  const ukiDigest = `sha256:${createHash('sha256').update(uki).digest('hex')}`;
  const argument = { live: ' bowline.live=TEST_1', netboot: ' bowline.netboot', disk: '' }[mode];
  const test = await makeTestMachine({
    files: {
      '/proc/cmdline': `roothash=${rootHash}${argument} ${options.commandLine ?? ''}\n`,
      '/proc/self/mountinfo': mode === 'live' ? '40 20 11:0 / /run/bowline/medium ro - iso9660 /dev/sr0 ro\n' : '',
      '/proc/swaps': 'Filename Type Size Used Priority\n',
      '/run/bowline/image.conf': `IMAGE_ID='sha256:${'1'.repeat(64)}'\nNAME='edge'\nVERSION='1.2'\nSLOT_BYTES=${SLOT_BYTES}\nRECOVERY=yes\n`,
      ...options.files,
    },
  });
  const file = (name: string) => join(test.root, 'dev', name);
  const machine: LiveMachine = {
    ...test,
    root0,
    rootHash,
    uki,
    ukiDigest,
    file,
    addDisk: (disk) => addDisk(test.root, disk),
  };
  await mkdir(join(test.root, 'dev'), { recursive: true });
  await mkdir(join(test.root, 'run/bowline'), { recursive: true });
  const stored = Uint8Array.from(root0);
  if (options.damageRoot === true) stored[100_000] = (stored[100_000] ?? 0) ^ 1;
  await addBytes(test.root, 'loop0', stored);
  await addBytes(test.root, 'loop1', tree);
  const below = join(test.root, 'sys/class/block/dm-0');
  await mkdir(join(below, 'dm'), { recursive: true });
  await mkdir(join(below, 'slaves'));
  await writeFile(join(below, 'dm/name'), 'root\n');
  for (const loop of ['loop0', 'loop1']) await symlink(`../../${loop}`, join(below, 'slaves', loop));
  const storedUki = Uint8Array.from(uki);
  if (options.damageUki === true) storedUki[uki.length - 1] = (storedUki[uki.length - 1] ?? 0) ^ 1;
  const esp = mediumEsp(storedUki, ukiDigest, options.withoutBios === true);
  if (mode === 'netboot') await addBytes(test.root, 'loop2', esp);
  if (mode === 'live') await addBytes(test.root, 'sr0', isoOf(esp), { removable: '1\n' });
  for (const disk of options.disks ?? []) await addDisk(test.root, disk);
  return machine;
}

async function addDisk(root: string, { name, sizeBytes = 2048 * MIB, sectorBytes = 512, files }: TestDiskOptions) {
  await addDevice(root, name, sizeBytes, { 'queue/logical_block_size': `${sectorBytes}\n`, ...files });
  const handle = await open(join(root, 'dev', name), 'w');
  await handle.truncate(sizeBytes);
  await handle.close();
}

async function addBytes(root: string, name: string, bytes: Uint8Array, files: TestFiles = {}): Promise<void> {
  await addDevice(root, name, bytes.length, files);
  await writeFile(join(root, 'dev', name), bytes);
}

async function addDevice(root: string, name: string, sizeBytes: number, files: TestFiles): Promise<void> {
  const classes = join(root, 'sys/class/block');
  const folder = join(root, 'sys/devices/test/block', name);
  await mkdir(classes, { recursive: true });
  for (const [path, text] of Object.entries({ size: `${sizeBytes / 512}\n`, ...files })) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
  await symlink(`../../devices/test/block/${name}`, join(classes, name));
}

/** Bytes that look like chance and are the same every time. */
function noise(length: number, seed: string): Uint8Array {
  return new Uint8Array(createHash('shake256', { outputLength: length }).update(seed).digest());
}

function hashTree(data: Uint8Array): { rootHash: string; tree: Uint8Array } {
  const blocks = new Map<number, Uint8Array>();
  const builder = new VerityTreeBuilder({
    dataBlocks: data.length / 4096,
    salt: noise(32, 'salt'),
    uuid: '12345678-1234-1234-1234-123456789abc',
    sha256: (block) => createHash('sha256').update(block).digest(),
    write: (offset, block) => void blocks.set(offset, Uint8Array.from(block)),
  });
  builder.add(data);
  const root = builder.finish();
  const tree = new Uint8Array(builder.plan.hashBytes);
  for (const [offset, block] of blocks) tree.set(block, offset);
  return { rootHash: Buffer.from(root).toString('hex'), tree };
}

/** The EFI system partition of a medium. */
function mediumEsp(uki: Uint8Array, ukiDigest: string, withoutBios: boolean): Uint8Array {
  const contents = new Map<string, Uint8Array>([
    ['EFI/BOOT/BOOTX64.EFI', noise(9000, 'loader')],
    [`EFI/bowline/${ukiDigest.slice('sha256:'.length)}.efi`, uki],
    ['loader/loader.conf', new TextEncoder().encode('timeout 0\n')],
  ]);
  if (!withoutBios) {
    contents.set('bowline/install/boot.img', grubBoot());
    contents.set('bowline/install/core.img', grubCore());
  }
  const files = [...contents].map(([path, bytes]) => ({ path, sizeBytes: bytes.length }));
  const volumeSizeBytes = measureFat32({ files });
  const volume = new Uint8Array(volumeSizeBytes);
  for (const extent of planFat32({ files, volumeSizeBytes, volumeId: 1, epochSeconds: 1767225600 }).extents) {
    volume.set('bytes' in extent ? extent.bytes : (contents.get(extent.path) ?? new Uint8Array(0)), extent.offset);
  }
  return volume;
}

/** A hybrid ISO as far as an installer looks: a GPT whose ESP is the appended image. */
function isoOf(esp: Uint8Array): Uint8Array {
  const { partitions, diskSizeBytes } = placePartitions([
    {
      typeGuid: PARTITION_TYPE.esp,
      partGuid: 'aaaaaaaa-0000-4000-8000-000000000001',
      name: 'Appended2',
      sizeBytes: esp.length,
    },
  ]);
  const table = writeGpt({ diskGuid: 'aaaaaaaa-0000-4000-8000-000000000002', sizeBytes: diskSizeBytes, partitions });
  const iso = new Uint8Array(diskSizeBytes);
  iso.set(table.primary);
  iso.set(esp, (partitions[0]?.startLba ?? 0) * 512);
  return iso;
}

function grubBoot(): Uint8Array {
  const boot = new Uint8Array(512).fill(0x11);
  boot.set([0xeb, 0x63, 0x90]);
  boot.set([0x55, 0xaa], 510);
  return boot;
}

function grubCore(): Uint8Array {
  const core = noise(40_000, 'core');
  const list = new DataView(core.buffer);
  list.setBigUint64(500, 2n, true);
  list.setUint16(508, Math.ceil(core.length / 512) - 1, true);
  list.setUint16(510, 0x820, true);
  return core;
}

/** A PE32+ EFI application with two sections and room for more, which is a kernel and a stub to whoever looks. */
function makeEfiProgram(): Uint8Array {
  const text = (value: string) => new TextEncoder().encode(value);
  const program = new Uint8Array(0x800);
  const view = new DataView(program.buffer);
  program.set(text('MZ'));
  view.setUint32(0x3c, 0x40, true);
  program.set(text('PE\0\0'), 0x40);
  const [coff, optional] = [0x44, 0x58];
  view.setUint16(coff, PE_MACHINE.x86_64, true);
  view.setUint16(coff + 2, 2, true);
  view.setUint16(coff + 16, 0xa0, true);
  view.setUint16(optional, 0x20b, true);
  view.setUint32(optional + 32, 0x1000, true);
  view.setUint32(optional + 36, 0x200, true);
  view.setUint32(optional + 56, 0x3000, true);
  view.setUint32(optional + 60, 0x400, true);
  view.setUint16(optional + 68, 10, true);
  view.setUint32(optional + 108, 6, true);
  for (const [index, name] of ['.text', '.sbat'].entries()) {
    const at = optional + 0xa0 + index * 40;
    program.set(text(name), at);
    view.setUint32(at + 8, 0x20, true);
    view.setUint32(at + 12, 0x1000 * (index + 1), true);
    view.setUint32(at + 16, 0x200, true);
    view.setUint32(at + 20, 0x400 + index * 0x200, true);
  }
  return program;
}
