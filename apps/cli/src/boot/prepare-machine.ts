import { mkdir, mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import type { Progress, SystemNeed } from '@bowline/host';
import { type BootableImage, locateImage } from '@bowline/image';
import type { Arch } from '@bowline/spec';
import { CliError } from '../error.ts';
import { prepareUefi } from './firmware.ts';
import { type FurtherDisk, furtherDisk } from './further-disk.ts';
import { type KvmProbeEnvironment, probeKvm } from './kvm-probe.ts';
import { prepareDisk, unpackDisk } from './machine-disk.ts';
import { machineFirmware, machineNeeds } from './machine-needs.ts';
import type { Firmware, MachineNetwork, MachinePlan, Medium } from './plan.ts';
import { linkAsBootFile } from './uki-folder.ts';

/** Which machine somebody wants for an image. */
export interface MachineRequest {
  /** An artefact, or the folder of a build; absolute. */
  imagePath: string;
  /** Only where the image does not tell. */
  arch?: Arch | undefined;
  memoryMiB?: number | undefined;
  cpus?: number | undefined;
  /** Name of an emulated CPU, such as `qemu64`; the best there is unless given. */
  cpuModel?: string | undefined;
  tpm?: boolean | undefined;
  secureBoot?: boolean | undefined;
  /** The PC's BIOS instead of UEFI. */
  bios?: boolean | undefined;
  /** Forget at the end what the machine wrote. */
  snapshot?: boolean | undefined;
  sshPort?: number | undefined;
  /** Absolute. */
  serialLogPath?: string | undefined;
  /** Disks beside the image. A medium that only reads comes after them: once they can start, they do. */
  disks?: readonly FurtherDisk[] | undefined;
  /** Give it the port for the root shell; only debug images answer there. */
  shell?: boolean | undefined;
}

/** What preparing a machine needs of the world. */
export interface PrepareEnvironment extends KvmProbeEnvironment {
  progress: Progress;
  /** Gets what the host lacks, before anything else runs. */
  ensure: (needs: readonly SystemNeed[]) => Promise<void>;
}

/** A planned machine and the temporary folders it needs. */
export interface PreparedMachine {
  plan: MachinePlan;
  image: BootableImage;
  /** Where the machine's disk, variables and TPM are kept; undefined for a snapshot. */
  stateFolder: string | undefined;
  dispose(): Promise<void>;
}

/**
 * Looks at the image, gets what the host lacks, and makes everything the machine needs beside it: an overlay disk, UEFI
 * variables, a TPM's state. The image itself is never written to.
 * Throws CliError IMAGE_UNSUITABLE | FILE_NOT_FOUND | FIRMWARE_MISSING | NOT_A_DEBUG_IMAGE | USAGE; HostError.
 */
export async function prepareMachine(
  request: MachineRequest,
  environment: PrepareEnvironment,
): Promise<PreparedMachine> {
  const image = await locateImage(request.imagePath, request.arch);
  checkRequest(request, image);
  await environment.ensure(machineNeeds(request, image));
  const runFolder = await mkdtemp(join(tmpdir(), 'bowline-vm-'));
  const dispose = () => rm(runFolder, { recursive: true, force: true });
  try {
    const stateFolder = request.snapshot ? undefined : join(dirname(image.path), `${basename(image.path)}.boot`);
    const folder = stateFolder ?? join(runFolder, 'state');
    await makeStateFolder(folder);
    // The disk comes first: when the image has changed, variables and TPM begin anew as well.
    const own = await prepareMedia(image, folder, request, environment);
    const further: Medium[] = [];
    for (const disk of request.disks ?? []) further.push(await furtherDisk(disk));
    const media = own.some(({ kind }) => kind === 'disk') ? [...own, ...further] : [...further, ...own];
    const plan: MachinePlan = {
      arch: image.arch,
      accelerator: await chooseAccelerator(image.arch, environment),
      memoryMiB: request.memoryMiB ?? defaultMemoryMiB(image),
      cpus: request.cpus ?? 1,
      cpuModel: request.cpuModel,
      firmware: await prepareFirmware(request, image, folder),
      media,
      network: planNetwork(request, image),
      runFolder,
      shell: request.shell ?? image.debug,
      ...(request.tpm ? { tpmStateFolder: await makeFolder(join(folder, 'tpm')) } : {}),
      ...(request.serialLogPath === undefined ? {} : { serialLogPath: request.serialLogPath }),
    };
    return { plan, image, stateFolder, dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

function checkRequest(request: MachineRequest, image: BootableImage): void {
  if (request.bios && image.arch !== 'amd64') throw usage('--bios exists on amd64 machines only');
  if (request.bios && request.secureBoot) throw usage('--bios and --secure-boot exclude each other');
  if (request.bios && image.kind === 'uki') throw usage('a UKI starts by UEFI only; leave --bios out');
  if (!request.shell || image.debug) return;
  throw new CliError({
    code: 'NOT_A_DEBUG_IMAGE',
    message: `${image.path} is not a debug image, so no command can run in it`,
    hint: 'Build it with `bowline build --debug`; never ship such an image.',
  });
}

async function prepareMedia(
  image: BootableImage,
  folder: string,
  request: MachineRequest,
  environment: PrepareEnvironment,
): Promise<Medium[]> {
  const disk = async (path: string, format: 'raw' | 'qcow2'): Promise<Medium[]> => {
    const base = { path, format, smallestDiskBytes: image.smallestDiskBytes };
    const overlay = await prepareDisk(base, folder, {
      ...environment,
      warn: (text) => environment.progress.warn(text),
    });
    return [{ kind: 'disk', path: overlay, format: 'qcow2', durable: !request.snapshot }];
  };
  switch (image.kind) {
    case 'raw':
    case 'qcow2':
      return await disk(image.path, image.kind);
    case 'raw-zst': {
      const unpacked = await environment.progress.task(`Unpacking ${basename(image.path)}`, (task) =>
        unpackDisk(image.path, folder, {
          signal: environment.signal,
          onBytes: (done, total) => task.bytes(done, total),
        }),
      );
      return await disk(unpacked, 'raw');
    }
    case 'iso':
      return [{ kind: 'cdrom', path: image.path }];
    case 'uki':
      return [{ kind: 'fat-folder', path: await linkAsBootFile(image.path, image.arch, join(folder, 'esp')) }];
    case 'netboot':
      return [];
  }
}

async function prepareFirmware(request: MachineRequest, image: BootableImage, folder: string): Promise<Firmware> {
  if (machineFirmware(request, image) === 'bios') return { kind: 'bios' };
  return await prepareUefi(image.arch, request.secureBoot ?? false, join(folder, 'efivars.fd'));
}

function planNetwork(request: MachineRequest, image: BootableImage): MachineNetwork {
  return {
    ...(request.sshPort === undefined ? {} : { sshPort: request.sshPort }),
    ...(image.kind === 'netboot' ? { tftp: { folder: image.path, bootFile: 'boot.ipxe' } } : {}),
  };
}

/** A machine from the network holds its root in memory, packed and for a while twice. */
function defaultMemoryMiB(image: BootableImage): number {
  return image.kind === 'netboot' ? 3072 : image.kind === 'iso' ? 2048 : 1024;
}

async function chooseAccelerator(arch: Arch, environment: PrepareEnvironment): Promise<'kvm' | 'tcg'> {
  return (await probeKvm(arch, environment)).works ? 'kvm' : 'tcg';
}

async function makeStateFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
  } catch (error) {
    throw new CliError({
      code: 'IMAGE_UNSUITABLE',
      message: `cannot keep the machine's disk in ${folder}: ${error instanceof Error ? error.message : String(error)}`,
      hint: 'Use --snapshot: it keeps nothing, so it needs no folder beside the image.',
      cause: error,
    });
  }
  await stat(folder);
}

async function makeFolder(folder: string): Promise<string> {
  await mkdir(folder, { recursive: true });
  return folder;
}

function usage(message: string): CliError {
  return new CliError({ code: 'USAGE', message });
}
