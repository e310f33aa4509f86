import type { BlobStore } from '@bowline/host';
import type { Arch, BowlLock, LockedSource } from '@bowline/spec';
import type { SourcePlan } from '../sources/pin.ts';

/**
 * The pin of a bowl that this one extends, for the very same wish: who adds a user to a ready bowl gets its base and kernel,
 * not newer ones, and waits for no mirror. Only while the store has its layers: a forgotten version is no reason to fail.
 */
export async function inheritedPin(
  plan: Pick<SourcePlan, 'kind' | 'request'>,
  locks: readonly BowlLock[],
  arch: Arch,
  store: Pick<BlobStore, 'has'>,
): Promise<LockedSource | undefined> {
  for (const lock of locks) {
    const { base, packages, kernel, firmware = [] } = lock.arch[arch] ?? {};
    for (const pin of [base, packages, kernel, ...firmware]) {
      if (pin?.kind !== plan.kind || pin.request !== plan.request) continue;
      const found = await Promise.all(pin.layers.map((layer) => store.has(layer.diffId)));
      if (found.every(Boolean)) return pin;
    }
  }
  return undefined;
}
