import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type FatEntryFound,
  FormatsError,
  PARTITION_TYPE,
  parseGpt,
  parseVeritySuperblock,
  type RandomRead,
  readFat,
} from '@bowline/formats';
import { ESP_FILES, RUNNING_IMAGE_FILE } from '@bowline/os-layout';
import type { Arch } from '@bowline/spec';
import { findBlockDevice } from '../disk/block-devices.ts';
import { withDevice } from '../disk/device-bytes.ts';
import { AgentError } from '../error.ts';
import { parseAssignments } from '../machine/assignments.ts';
import type { Machine } from '../machine/machine.ts';
import { copyRoot } from './copy-root.ts';
import { BOOT_LOADER_FILES } from './loader-files.ts';
import { diskOf, mediumDevice, readLiveMode, readStartedRootHash, rootDevices } from './medium.ts';
import type { InstallSource, SourceFile } from './source.ts';
import { streamMedium } from './stream-runs.ts';

const GPT_END_BYTES = 64 * 512;
const UKI_NAME = /^EFI\/bowline\/([0-9a-f]{64})\.efi$/i;

/** An EFI system partition, or the image of one, on the medium. */
interface MediumEsp {
  file: string;
  offsetBytes: number;
  entries: readonly FatEntryFound[];
}

/**
 * What the live system itself runs: the root from the loop devices below it, and the boot files from the EFI system partition
 * of the medium, or the image of one that came over the network.
 *
 * @throws AgentError SOURCE_UNAVAILABLE when this is no live system, or boot files did not come with it.
 */
export async function openLiveSource(machine: Machine): Promise<InstallSource> {
  const mode = await readLiveMode(machine);
  if (mode === 'disk') {
    throw unavailable('this machine runs from its disk, not from a medium', 'Name a release with --source.');
  }
  const rootHash = await readStartedRootHash(machine);
  const root = await findRoot(machine);
  const image = parseAssignments(await readFile(machine.locate(RUNNING_IMAGE_FILE), 'utf8').catch(() => ''));
  const slotBytes = Number(image.get('SLOT_BYTES'));
  if (rootHash === undefined || root === undefined || !Number.isSafeInteger(slotBytes) || slotBytes <= 0) {
    throw unavailable('the live system does not say what it runs', 'Build the medium again, or name a release.');
  }
  const { arch } = await machine.facts();
  const esp = mode === 'live' ? await findIsoEsp(machine) : await findLoopEsp(machine);
  if (esp === undefined) {
    throw unavailable(
      mode === 'live'
        ? 'the boot files of the medium cannot be read'
        : 'the boot files did not come over the network: install.img is not among the initrds',
      'Start from a complete medium, or name a release with --source.',
    );
  }
  const uki = esp.entries.find(({ path }) => UKI_NAME.test(path));
  const loader = fileOf(esp, BOOT_LOADER_FILES[arch as Arch]);
  const digest = UKI_NAME.exec(uki?.path ?? '')?.[1];
  if (uki === undefined || digest === undefined || loader === undefined) {
    throw unavailable('the medium holds no UKI or no boot loader', 'Build the medium again.');
  }
  return {
    system: {
      name: image.get('NAME') ?? '',
      version: image.get('VERSION') ?? '',
      imageId: image.get('IMAGE_ID') ?? '',
      arch: arch as Arch,
      rootHash,
      rootBytes: root.data.sizeBytes,
      origin: mode === 'live' ? 'this medium' : 'what was started over the network',
      signedBy: undefined,
    },
    slotBytes,
    recovery: image.get('RECOVERY') !== 'no',
    verityBytes: root.hash.sizeBytes,
    uki: { ...sourceFile(esp, uki), sha256: `sha256:${digest.toLowerCase()}` },
    bootLoader: sourceFile(esp, loader),
    biosLoader: async () => readBiosLoader(esp),
    warnings: [],
    verifiesRoot: false,
    writeRoot: (target, watch) => copyRoot([root.data, root.hash], target, watch),
  };
}

interface LoopDevice {
  path: string;
  sizeBytes: number;
}

/** The two loop devices below the root, told apart by their first bytes. */
async function findRoot(machine: Machine): Promise<{ data: LoopDevice; hash: LoopDevice } | undefined> {
  let [data, hash]: [LoopDevice | undefined, LoopDevice | undefined] = [undefined, undefined];
  for (const path of await rootDevices(machine)) {
    const device = await findBlockDevice(machine, path);
    if (device === undefined) continue;
    const file = machine.locate(path);
    const found = { path: file, sizeBytes: device.sizeBytes };
    const head = await withDevice(file, async (read) => read(0, 512));
    if (isVerity(head)) hash = found;
    else data = found;
  }
  return data === undefined || hash === undefined ? undefined : { data, hash };
}

function isVerity(head: Uint8Array): boolean {
  try {
    parseVeritySuperblock(head);
    return true;
  } catch {
    return false;
  }
}

/** The appended EFI system partition of a hybrid ISO; a CD drive has no partition devices, so the table is read here. */
async function findIsoEsp(machine: Machine): Promise<MediumEsp | undefined> {
  const device = await mediumDevice(machine);
  if (device === undefined) return undefined;
  const disk = await findBlockDevice(machine, `/dev/${await diskOf(machine, device)}`);
  if (disk === undefined) return undefined;
  const file = machine.locate(disk.path);
  return withDevice(file, async (read) => {
    try {
      const start = await read(0, GPT_END_BYTES);
      const { partitions } = parseGpt({ start, end: new Uint8Array(0), diskSizeBytes: disk.sizeBytes });
      const esp = partitions.find(({ typeGuid }) => typeGuid === PARTITION_TYPE.esp);
      return esp === undefined ? undefined : await listEsp(file, esp.startLba * 512, read);
    } catch (error) {
      if (error instanceof FormatsError) return undefined;
      throw error;
    }
  });
}

/** The loop device with the image of an ESP that came with the initrds. */
async function findLoopEsp(machine: Machine): Promise<MediumEsp | undefined> {
  const names = await readdir(machine.locate('/sys/class/block')).catch(() => []);
  const root = await rootDevices(machine);
  for (const name of names.filter((one) => /^loop[0-9]+$/.test(one) && !root.includes(`/dev/${one}`))) {
    const file = machine.locate(join('/dev', name));
    const esp = await withDevice(file, (read) => listEsp(file, 0, read)).catch(() => undefined);
    if (esp?.entries.some(({ path }) => UKI_NAME.test(path))) return esp;
  }
  return undefined;
}

async function listEsp(file: string, offsetBytes: number, read: RandomRead): Promise<MediumEsp> {
  const { entries } = await readFat((offset, length) => read(offsetBytes + offset, length));
  return { file, offsetBytes, entries: entries.filter(({ type }) => type === 'file') };
}

function fileOf(esp: MediumEsp, path: string | undefined): FatEntryFound | undefined {
  return path === undefined ? undefined : esp.entries.find((entry) => entry.path.toLowerCase() === path.toLowerCase());
}

function sourceFile({ file, offsetBytes }: MediumEsp, { runs, sizeBytes }: FatEntryFound): SourceFile {
  return { sizeBytes, sha256: undefined, open: () => streamMedium(file, offsetBytes, runs) };
}

async function readBiosLoader(esp: MediumEsp) {
  const [boot, core] = await Promise.all(
    [ESP_FILES.installBoot, ESP_FILES.installCore].map(async (path) => {
      const entry = fileOf(esp, path);
      if (entry === undefined) return undefined;
      const parts: Uint8Array[] = [];
      for await (const part of sourceFile(esp, entry).open()) parts.push(part);
      return new Uint8Array(Buffer.concat(parts));
    }),
  );
  return boot === undefined || core === undefined ? undefined : { boot, core };
}

function unavailable(why: string, hint: string): AgentError {
  return new AgentError({ code: 'SOURCE_UNAVAILABLE', message: `install: ${why}.`, hint });
}
