import type { BootMenu } from '../boot-menu/boot-menu.ts';
import type { Machine } from '../machine/machine.ts';
import { tellConsole, warningLine } from '../stages/journal.ts';

/** Opens the boot menu for the time of `work`. */
export type WithMenu = <T>(machine: Machine, work: (menu: BootMenu) => Promise<T>) => Promise<T>;

/** How a version is assessed. */
export interface AssessOptions {
  withMenu: WithMenu;
  /** Wait until all is well or the window ends, and restart a version on trial that is not healthy. */
  deciding: boolean;
  /** Only look. */
  dryRun: boolean;
  say: (line: string) => void;
  /** Between two looks. */
  pausesMs?: readonly number[];
  restart?: (machine: Machine) => Promise<void>;
}

/** A sentence for the journal and the console; who asks by hand reads it anyway. */
export async function tell(machine: Machine, line: string, options: AssessOptions, isBad: boolean): Promise<void> {
  options.say(isBad ? warningLine(`assess: ${line}`) : `<6>assess: ${line}`);
  if (options.deciding) await tellConsole(machine, line);
}

/** What did not work and stops nothing. */
export function complain({ say }: AssessOptions, error: unknown): void {
  say(warningLine(`assess: ${error instanceof Error ? error.message : String(error)}`));
}
