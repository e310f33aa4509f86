import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { FormatsError, listPeCertificates } from '@bowline/formats';
import { ESP_FOLDER, ukiPath } from '@bowline/os-layout';
import { withBootMenu } from '../boot-menu/with-boot-menu.ts';
import type { Machine } from '../machine/machine.ts';
import { planRoot } from '../release/plan-root.ts';
import type { SlotName } from '../slots/slots.ts';
import type { Refusal } from './check-upgrade.ts';
import { compareInventories, type InventoryChanges } from './compare-inventories.ts';
import type { PreparedUpgrade } from './prepare-upgrade.ts';
import { type DriverVerdict, findDiskDrivers, judgeDrivers } from './root-disk-drivers.ts';
import { takeRunningInventory } from './running-inventory.ts';
import { judgeSecureBoot, type SecureBootVerdict } from './secure-boot.ts';
import { findBases } from './upgrade-machine.ts';

/** What an upgrade would do, as data. */
export interface UpgradePreview {
  result: 'written' | 'runs' | 'refused';
  from: { name: string; version: string };
  to: { name: string; version: string; imageId: string; debug: boolean };
  signedBy: string | undefined;
  source: string;
  /** Why it would not be done; empty when it would. */
  refusals: readonly Refusal[];
  slot: SlotName | undefined;
  changes: InventoryChanges;
  /** All in bytes. Of the UKI less may be fetched, where one on the ESP is like it. */
  sizes: { root: number; uki: number; fetch: number; reuse: number; slot: number | undefined };
  /** Would it start on this machine? */
  start: { drivers: DriverVerdict; secureBoot: SecureBootVerdict; slotFits: boolean | undefined };
  warnings: string[];
}

/** Finds out what an upgrade would change and whether the new version would start. Fetches index and inventory, writes nothing. */
export async function previewUpgrade(machine: Machine, prepared: PreparedUpgrade): Promise<UpgradePreview> {
  const { plan, facts, release, disk } = prepared;
  const { next, running } = facts;
  const inventory = await release.inventory();
  const slotName = plan.kind === 'write' ? plan.slot : undefined;
  const slot = facts.slots.find(({ name }) => name === slotName);
  const isWritten = plan.kind === 'write' && !plan.reuses;
  const cost = isWritten ? await planRoot(release, await findBases(machine, prepared, plan.slot)) : undefined;
  const hasUki = facts.entries.some(({ ukiDigest }) => ukiDigest === next.ukiDigest);
  const drivers = await findDiskDrivers(machine, basename(disk.path));
  return {
    result: plan.kind === 'write' ? 'written' : plan.kind === 'refused' ? 'refused' : 'runs',
    from: { name: running.name, version: running.version },
    to: { name: next.name, version: next.version, imageId: next.imageId, debug: next.debug },
    signedBy: release.signedBy,
    source: release.origin,
    refusals: plan.kind === 'refused' ? plan.refusals : [],
    slot: slotName,
    changes: compareInventories(await takeRunningInventory(machine), inventory, release.document.kernelVersion),
    sizes: {
      root: next.rootBytes,
      uki: next.ukiBytes,
      fetch: plan.kind === 'nothing' ? 0 : (cost?.fetchBytes ?? 0) + (hasUki ? 0 : next.ukiBytes),
      reuse: cost?.reuseBytes ?? (isWritten ? 0 : next.rootBytes),
      slot: slot?.dataBytes,
    },
    start: {
      drivers: judgeDrivers(drivers, inventory.initrdModules),
      secureBoot: await judgeSecureBoot(machine, inventory.signer, await readRunningSignature(machine)),
      slotFits: slot === undefined ? undefined : next.rootBytes <= slot.dataBytes && next.hashBytes <= slot.hashBytes,
    },
    warnings: prepared.warnings,
  };
}

/** PKCS#7 of the UKI that runs; undefined where it is not signed, or not to be found. */
async function readRunningSignature(machine: Machine): Promise<Uint8Array | undefined> {
  return withBootMenu(machine, async (menu) => {
    const { entry } = await menu.started();
    if (entry === undefined) return undefined;
    const path = join(machine.locate(ESP_FOLDER), ukiPath(entry.ukiDigest));
    const bytes = await readFile(path).catch(() => undefined);
    if (bytes === undefined) return undefined;
    try {
      return listPeCertificates(bytes)[0]?.data;
    } catch (error) {
      if (error instanceof FormatsError) return undefined;
      throw error;
    }
  });
}
