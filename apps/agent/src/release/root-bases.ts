import type { Machine } from '../machine/machine.ts';
import type { Region, RootBase } from './contract.ts';

/**
 * A slot as a place to take chunks from: its saved index, else it is cut once and the index is saved. Undefined when there is
 * no root in it, or it cannot be read: then all is fetched.
 */
export async function findRootBase(
  _machine: Machine,
  _slot: { data: Region; rootHash: string },
  _averageBytes: number,
): Promise<RootBase | undefined> {
  return undefined;
}
