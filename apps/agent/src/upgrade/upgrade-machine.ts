import { dirname } from 'node:path';
import { ESP_FOLDER, ukiPath } from '@bowline/os-layout';
import { withBootMenu } from '../boot-menu/with-boot-menu.ts';
import { changeLifecycleRecord } from '../lifecycle-record/record-file.ts';
import type { Machine } from '../machine/machine.ts';
import { readLifecycle } from '../machine/read-lifecycle.ts';
import { assembleUki } from '../release/assemble-uki.ts';
import { openRelease } from '../release/open-release.ts';
import { findRootBase } from '../release/root-bases.ts';
import { writeRoot } from '../release/write-root.ts';
import { findSystemDisk } from '../slots/find-system-disk.ts';
import { nameSlot, slotOf } from '../slots/name-slot.ts';
import { throwRefusals } from './check-upgrade.ts';
import { type PreparedUpgrade, prepareUpgrade } from './prepare-upgrade.ts';
import { runSteps, type StepsResult } from './run-steps.ts';
import type { UpgradeWish } from './upgrade-facts.ts';
import { runUpgradeHooks } from './upgrade-hooks.ts';
import type { UpgradePorts, UpgradeProgress } from './upgrade-ports.ts';

/** How an upgrade is done. */
export interface UpgradeOptions extends UpgradeWish {
  /** Registry reference, folder or address of a release. */
  source: string;
  /** Bytes per second over the network. */
  limit?: number | undefined;
  progress: (event: UpgradeProgress) => void;
  say: (line: string) => void;
}

/** What an upgrade did. */
export interface UpgradeResult {
  prepared: PreparedUpgrade;
  result: StepsResult & { ukiFetchedBytes: number };
}

/** Opens a release and plans its upgrade. Writes nothing. Throws as {@link openRelease} and NO_SYSTEM_DISK, ESP_UNAVAILABLE. */
export async function planMachineUpgrade(machine: Machine, options: UpgradeOptions): Promise<PreparedUpgrade> {
  const disk = await findSystemDisk(machine);
  const lifecycle = await readLifecycle(machine);
  options.progress({ phase: 'looking at the release' });
  const release = await openRelease(machine, options.source);
  return prepareUpgrade(machine, {
    release,
    disk,
    lifecycle,
    wish: options,
    withMenu: (work) => withBootMenu(machine, work),
  });
}

/**
 * Writes a new version to this machine; it begins to count with the last write. Throws AgentError with all that speaks against it
 * before anything is written, and that of the step that failed.
 */
export async function upgradeMachine(machine: Machine, options: UpgradeOptions): Promise<UpgradeResult> {
  const prepared = await planMachineUpgrade(machine, options);
  const { plan, facts } = prepared;
  if (plan.kind === 'refused') {
    throwRefusals(facts, plan.refusals);
    throw new Error('a plan was refused without a reason');
  }
  let ukiFetchedBytes = 0;
  const onBytes = (bytes: number) => void (ukiFetchedBytes += bytes);
  const result = await runSteps(plan.steps, facts.next, portsOf(machine, prepared, options, onBytes));
  return { prepared, result: { ...result, ukiFetchedBytes } };
}

function portsOf(
  machine: Machine,
  prepared: PreparedUpgrade,
  options: UpgradeOptions,
  onBytes: (bytes: number) => void,
): UpgradePorts {
  const { release, disk, facts, lifecycle } = prepared;
  return {
    withMenu: (work) => withBootMenu(machine, work),
    writeRoot: async (slotName, progress) => {
      const target = slotOf(disk, slotName);
      options.progress({ phase: 'looking at what is there already' });
      return writeRoot(release, target, {
        bases: await findBases(machine, prepared, slotName),
        journal: slotName,
        limit: options.limit,
        progress,
      });
    },
    nameSlot: (slotName, rootHash) => nameSlot(disk, slotName, rootHash),
    uki: () => {
      const folder = dirname(machine.locate(`${ESP_FOLDER}/${ukiPath(facts.next.ukiDigest)}`));
      return assembleUki(release, folder, { limit: options.limit, onBytes });
    },
    changeRecord: (change) => changeLifecycleRecord(machine, change),
    runHooks: (when) =>
      runUpgradeHooks(machine, when, {
        hooks: lifecycle.hooks.beforeUpgrade,
        versions: { from: facts.running.version, to: facts.next.version },
        say: options.say,
      }),
    now: () => machine.clock.now().toISOString(),
    signal: machine.signal,
    progress: options.progress,
  };
}

/** Slots that chunks can be taken from: the one that runs, which is surely whole, else any other than the target. */
export async function findBases(machine: Machine, { disk, release }: PreparedUpgrade, target: string) {
  const others = disk.slots.filter(({ name }) => name !== target);
  const running = others.filter(({ name }) => name === disk.running);
  const { chunkAverageBytes: averageBytes } = release.document;
  const like = await release.index();
  const bases = [];
  for (const { data, rootHash } of running.length > 0 ? running : others) {
    if (rootHash === undefined) continue;
    const base = await findRootBase(machine, { data, rootHash }, averageBytes, like);
    if (base !== undefined) bases.push(base);
  }
  return bases;
}
