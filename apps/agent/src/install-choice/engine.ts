import { listDisks } from '../install/disks.ts';
import type { InstallDisk, InstallOptions, InstallPlan, InstallResult } from '../install/plan.ts';
import { planInstall } from '../install/plan-install.ts';
import { runInstall } from '../install/run-install.ts';
import type { InstallReport, InstallWish } from '../install/wish.ts';
import type { Machine } from '../machine/machine.ts';

/** What both ways of choosing, terminal and browser, need of an installation. */
export interface InstallEngine {
  disks(): Promise<InstallDisk[]>;
  plan(wish: InstallWish, reports: readonly InstallReport[]): Promise<InstallPlan>;
  /** One at a time on a machine, whoever asks: AgentError LIFECYCLE_BUSY otherwise. */
  run(plan: InstallPlan, options: InstallOptions): Promise<InstallResult>;
}

/** Installs on the disks of this machine. */
export function machineEngine(machine: Machine): InstallEngine {
  return {
    disks: () => listDisks(machine),
    plan: (wish, reports) => planInstall(machine, wish, reports),
    run: (plan, options) => runInstall(machine, plan, options),
  };
}
