import { parseVeritySuperblock, planVerityTree, VERITY_BLOCK } from '@bowline/formats';
import type { BootMenu } from '../boot-menu/boot-menu.ts';
import { withBootMenu } from '../boot-menu/with-boot-menu.ts';
import { withDevice } from '../disk/device-bytes.ts';
import { AgentError } from '../error.ts';
import { changeLifecycleRecord, readLifecycleRecord } from '../lifecycle-record/record-file.ts';
import type { Machine } from '../machine/machine.ts';
import { readRunningImage } from '../machine/running-image.ts';
import type { WrittenRoot } from '../release/contract.ts';
import { findSystemDisk } from '../slots/find-system-disk.ts';
import { nameSlot, slotOf } from '../slots/name-slot.ts';
import type { Slot, SystemDisk } from '../slots/slots.ts';
import { throwRefusals } from './check-upgrade.ts';
import { slotOfEntry } from './choose-slot.ts';
import { copyRegion } from './copy-slot.ts';
import { gatherFacts } from './gather-facts.ts';
import { planUpgrade } from './plan-upgrade.ts';
import { runSteps } from './run-steps.ts';
import { ukiFilesOf } from './uki-files.ts';
import type { NewVersion, UpgradeFacts } from './upgrade-facts.ts';
import type { UpgradeProgress } from './upgrade-ports.ts';
import { STEP_KINDS } from './upgrade-step.ts';
import { rootHashOfSlot } from './verify-slot.ts';

/** What became of the recovery system. */
export interface RecoveryFilled {
  /** `there`: a recovery system was there already, and was left alone. */
  kind: 'filled' | 'there' | 'no-slot';
  version: string;
  warnings: string[];
}

/** How the recovery is filled. */
export interface FillRecoveryOptions {
  /** An older recovery system is replaced by the running version. */
  replace?: boolean;
  progress?: (event: UpgradeProgress) => void;
}

/**
 * Makes the running version the recovery system, too: its root is copied into the recovery slot, and an entry is made that
 * starts its UKI, which is on the ESP already. A recovery that is there stays unless told otherwise. Interrupted, it begins anew.
 *
 * Throws AgentError VERSION_UNPROVEN while the version is on trial, NO_SYSTEM_DISK, ROOT_HASH_MISMATCH, WRITE_FAILED, NO_SPACE.
 */
export async function fillRecovery(machine: Machine, options: FillRecoveryOptions = {}): Promise<RecoveryFilled> {
  const { version } = await readRunningImage(machine);
  const disk = await findSystemDisk(machine);
  if (disk.running === undefined || disk.slots.every(({ name }) => name !== 'recovery')) {
    return { kind: 'no-slot', version, warnings: [] };
  }
  const facts = await withBootMenu(machine, (menu) => gatherRunning(machine, disk, menu));
  const recovery = facts.entries.find(({ generation }) => generation === 'recovery');
  const isThere = recovery !== undefined && slotOfEntry(recovery, facts.slots) !== undefined;
  if (isThere && options.replace !== true) return { kind: 'there', version, warnings: [] };
  const plan = planUpgrade(facts, { recovery: true, force: true, allowDowngrade: true });
  if (plan.kind === 'nothing') return { kind: 'there', version, warnings: [] };
  if (plan.kind === 'refused') throwRefusals(facts, plan.refusals);
  const steps = plan.kind === 'write' ? plan.steps.filter(({ kind }) => !kind.endsWith('-hooks')) : [];
  const { warnings } = await runSteps(steps, facts.next, {
    withMenu: (work) => withBootMenu(machine, work),
    writeRoot: () => copyRunning(machine, disk, facts.next, options),
    nameSlot: (slot, rootHash) => nameSlot(disk, slot, rootHash),
    // It is there: see the check of facts.
    uki: noUki,
    changeRecord: (change) => changeLifecycleRecord(machine, change),
    runHooks: () => Promise.resolve(),
    now: () => machine.clock.now().toISOString(),
    signal: machine.signal,
    progress: options.progress ?? (() => undefined),
  });
  return { kind: 'filled', version, warnings };
}

async function gatherRunning(machine: Machine, disk: SystemDisk, menu: BootMenu): Promise<UpgradeFacts> {
  const { record } = await readLifecycleRecord(machine);
  const ukis = ukiFilesOf(machine, record);
  const slot = runningSlot(disk);
  const started = (await menu.started()).entry;
  const entries = await menu.list();
  const candidates = [...(started === undefined ? [] : [started]), ...entries];
  let ukiDigest: string | undefined;
  for (const entry of candidates) {
    if ((await ukis.rootHash(entry.ukiDigest)) === slot.rootHash) ukiDigest ??= entry.ukiDigest;
  }
  if (ukiDigest === undefined || slot.rootHash === undefined) {
    throw new AgentError({
      code: 'NO_BOOT_ENTRY',
      message:
        'The UKI of the running version is not on the EFI system partition, so there is nothing to recover with.',
      hint: 'Write the recovery system from a release: bowline-agent upgrade --recovery --source REF.',
    });
  }
  const next = await describeRunning(machine, slot, { ukiDigest, ukiBytes: await ukis.sizeBytes(ukiDigest) });
  return gatherFacts(machine, {
    disk,
    record,
    next,
    menu,
    ukis,
    rootHashOf: (one) => rootHashOfSlot(one, machine.signal),
  });
}

async function describeRunning(
  machine: Machine,
  slot: Slot,
  uki: Pick<NewVersion, 'ukiDigest' | 'ukiBytes'>,
): Promise<NewVersion> {
  const { name, version, id } = await readRunningImage(machine);
  const { arch } = await machine.facts();
  const head = await withDevice(slot.hash.path, async (read) => read(slot.hash.offsetBytes, VERITY_BLOCK));
  const { dataBlocks } = parseVeritySuperblock(head);
  return {
    name,
    version,
    imageId: id,
    arch,
    debug: false,
    layoutVersion: 0,
    rootHash: slot.rootHash ?? '',
    rootBytes: dataBlocks * VERITY_BLOCK,
    hashBytes: planVerityTree(dataBlocks).hashBytes,
    ...uki,
  };
}

async function copyRunning(
  machine: Machine,
  disk: SystemDisk,
  next: NewVersion,
  options: FillRecoveryOptions,
): Promise<WrittenRoot> {
  const [from, to] = [runningSlot(disk), slotOf(disk, 'recovery')];
  const totalBytes = next.rootBytes + next.hashBytes;
  const { signal } = machine;
  const progress = (doneBytes: number) => {
    options.progress?.({ phase: STEP_KINDS['write-root'].title, doneBytes, totalBytes });
  };
  await copyRegion(from.data, to.data, next.rootBytes, { signal, progress });
  const hashed = (doneBytes: number) => progress(next.rootBytes + doneBytes);
  await copyRegion(from.hash, to.hash, next.hashBytes, { signal, progress: hashed });
  options.progress?.({ phase: STEP_KINDS.verify.title });
  const rootHash = (await rootHashOfSlot(to, signal)) ?? 'none';
  return { rootHash, fetchedBytes: 0, reusedBytes: totalBytes, keptBytes: 0, readFromDisk: true };
}

function runningSlot(disk: SystemDisk): Slot {
  return slotOf(disk, disk.running ?? 'a');
}

async function* noUki(): AsyncGenerator<Uint8Array> {
  yield* [];
  throw new AgentError({
    code: 'NO_BOOT_ENTRY',
    message: 'The UKI of the running version has gone from the EFI system partition.',
    hint: 'Write the recovery system from a release: bowline-agent upgrade --recovery --source REF.',
  });
}
