import { hash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { AgentError } from '../error.ts';
import type { Machine } from '../machine/machine.ts';
import { withPidLock } from '../machine/pid-lock.ts';
import type { BlockWriter, OpenBlockWriter } from '../slots/block-writer.ts';
import { bootFiles } from './boot-files.ts';
import { refuseUnusable, sectorOf } from './disk-refusals.ts';
import { listDisks } from './disks.ts';
import { makeExtraFileSystems } from './extra-file-systems.ts';
import { explainFailure, writeFailed } from './install-error.ts';
import { openInstallSource } from './open-source.ts';
import { openTargetDisk } from './open-target.ts';
import type { InstallOptions, InstallPlan, InstallResult, PlannedPartition } from './plan.ts';
import { ProgressMeter } from './progress-meter.ts';
import type { DiskPlace, InstallSource } from './source.ts';
import { tellFirmware } from './tell-firmware.ts';
import { verifyRoot } from './verify-root.ts';
import { encodeTable, eraseDisk, verifyBytes, writeBootCode, writeTable } from './write-table.ts';
import { verifyVolume, writeVolume } from './write-volume.ts';

const LOCK = '/run/bowline/install.lock';

/** What tests change: how the disk is opened. */
export interface RunInstallPorts {
  openDisk?: OpenBlockWriter;
}

/**
 * Does what a plan says. The disk starts nothing until the last step: whatever interrupts an installation, the medium
 * can be started again. Restarting or switching off is the caller's ({@link InstallPlan.after}).
 *
 * @throws AgentError DISK_IN_USE when the disk is not as it was planned for; WRITE_FAILED, NO_SPACE,
 *   ROOT_HASH_MISMATCH (what was written reads back wrong), LIFECYCLE_BUSY when another installation runs; those of
 *   the source. The reason of `signal` when that is aborted.
 */
export async function runInstall(
  machine: Machine,
  plan: InstallPlan,
  options: InstallOptions & RunInstallPorts = {},
): Promise<InstallResult> {
  const signal = options.signal === undefined ? machine.signal : AbortSignal.any([machine.signal, options.signal]);
  const busy = (): never => {
    throw new AgentError({
      code: 'LIFECYCLE_BUSY',
      message: 'install: another installation is under way on this machine.',
      hint: 'Wait for its end.',
    });
  };
  return withPidLock(machine.locate(LOCK), { onWait: busy, signal }, async () => {
    const meter = new ProgressMeter(plan, options.onProgress, () => machine.clock.now().getTime());
    try {
      return await install(machine.withSignal(signal), plan, meter, options.openDisk ?? openTargetDisk);
    } catch (error) {
      throw explainFailure(error, meter.step.title, plan.disk.path);
    }
  });
}

async function install(
  machine: Machine,
  plan: InstallPlan,
  meter: ProgressMeter,
  openDisk: OpenBlockWriter,
): Promise<InstallResult> {
  const { signal } = machine;
  const startedAt = machine.clock.now().getTime();
  meter.begin('prepare');
  const { runInstallStages } = await import('./install-stages.ts');
  const warnings = await runInstallStages(machine, 'before');
  // After the steps: they may have changed the disk.
  await checkDisk(machine, plan);
  const source = await openInstallSource(machine, plan.source);
  checkSource(source, plan);
  const file = machine.locate(plan.disk.path);
  const sectorBytes = sectorOf(plan.disk);
  const disk = { file, sizeBytes: plan.disk.sizeBytes - (plan.disk.sizeBytes % sectorBytes), sectorBytes };
  const table = encodeTable(disk, plan);
  const bios = plan.firmware.includes('bios') ? await source.biosLoader() : undefined;
  const writer = await openDisk(file);
  try {
    meter.begin('wipe');
    await eraseDisk(writer, disk, plan.partitions);
    meter.begin('root');
    const [data, hash] = [placeOf(plan, 'root-a'), placeOf(plan, 'root-a-verity')];
    await source.writeRoot({ file, writer, data, hash }, { onBytes: (done) => meter.set(done), signal });
    meter.begin('boot-files');
    const watch = { onBytes: (count: number) => meter.add(count), signal };
    const esp = { ...placeOf(plan, 'esp'), sectorBytes };
    const uki = bios === undefined ? source.uki : await readWhole(source.uki);
    const files = await bootFiles(plan, { uki, bootLoader: source.bootLoader }, source.uki.sha256);
    const digests = await writeVolume(writer, esp, files, volumeIdOf(plan.diskGuid), watch);
    meter.begin('boot-code');
    const bootCode = bios && (await writeBootCode(writer, placeOf(plan, 'bios-boot'), bios, table));
    meter.begin('verify');
    await dropCaches(machine, writer);
    await verifyVolume(file, esp, digests, watch);
    if (bootCode !== undefined) await verifyBytes(file, placeOf(plan, 'bios-boot').offsetBytes, bootCode, 'GRUB');
    if (!source.verifiesRoot) await verifyRoot(file, data, hash, plan.system.rootHash, watch);
    meter.begin('table');
    await writeTable(writer, disk, table);
  } finally {
    await writer.close();
  }
  // From here on the disk starts: what goes wrong is told, and the installation stands.
  meter.begin('file-systems');
  warnings.push(...(await makeExtraFileSystems(machine, plan)));
  meter.begin('firmware');
  warnings.push(...(await tellFirmware(machine, plan)));
  const late = await runInstallStages(machine, 'after').catch((error: unknown) => {
    signal.throwIfAborted();
    return [`The stages after the installation did not run: ${error instanceof Error ? error.message : 'failed'}`];
  });
  warnings.push(...late);
  return {
    disk: plan.disk.path,
    system: plan.system,
    warnings,
    seconds: Math.round((machine.clock.now().getTime() - startedAt) / 1000),
    writtenBytes: plan.steps.filter(({ name }) => name !== 'verify').reduce((sum, { bytes }) => sum + bytes, 0),
  };
}

/** The disk may have changed since somebody looked at the plan. */
async function checkDisk(machine: Machine, { disk }: InstallPlan): Promise<void> {
  const now = (await listDisks(machine)).find(({ path }) => path === disk.path);
  const isSame =
    now !== undefined &&
    now.sizeBytes === disk.sizeBytes &&
    now.serial === disk.serial &&
    now.model === disk.model &&
    now.content.join('\n') === disk.content.join('\n');
  if (now !== undefined && isSame) return refuseUnusable(now);
  throw new AgentError({
    code: 'DISK_IN_USE',
    message: `install: ${disk.path} is no longer what it was when the installation was planned.`,
    hint: 'Plan it again.',
  });
}

function checkSource({ system }: InstallSource, plan: InstallPlan): void {
  if (system.imageId === plan.system.imageId && system.rootHash === plan.system.rootHash) return;
  throw new AgentError({
    code: 'SOURCE_UNAVAILABLE',
    message: `install: ${plan.system.origin} has another version now than when the installation was planned.`,
    hint: 'Plan it again.',
  });
}

function placeOf({ partitions }: InstallPlan, role: PlannedPartition['role']): DiskPlace {
  const found = partitions.find((partition) => partition.role === role);
  if (found?.startBytes === undefined) throw new Error(`the plan has no place for ${role}`);
  return { offsetBytes: found.startBytes, sizeBytes: found.sizeBytes };
}

function volumeIdOf(diskGuid: string): number {
  return Number.parseInt(diskGuid.slice(0, 8), 16);
}

/** GRUB's menu needs to know where in the UKI the kernel is, before the UKI is written. */
async function readWhole(uki: InstallSource['uki']): Promise<Uint8Array> {
  const { sizeBytes, sha256 } = uki;
  const whole = new Uint8Array(sizeBytes);
  let length = 0;
  for await (const part of uki.open()) {
    if (length + part.length > sizeBytes) break;
    whole.set(part, length);
    length += part.length;
  }
  if (length === sizeBytes && `sha256:${hash('sha256', whole)}` === sha256) return whole;
  throw writeFailed('the UKI is not what its source promises', 'Use another medium, or build it again.');
}

/** What is read afterwards comes from the disk, as far as the kernel lets us ask for it. */
async function dropCaches(machine: Machine, writer: BlockWriter): Promise<void> {
  await writer.flush();
  await writeFile(machine.locate('/proc/sys/vm/drop_caches'), '1\n', { flag: 'r+' }).catch(() => undefined);
}
