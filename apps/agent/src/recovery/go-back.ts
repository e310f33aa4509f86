import { bootEntryId, isBad } from '@bowline/os-layout';
import { writeEspReason } from '../assess/esp-reason.ts';
import type { BootMenu } from '../boot-menu/boot-menu.ts';
import { withBootMenu } from '../boot-menu/with-boot-menu.ts';
import type { Machine } from '../machine/machine.ts';

/** Why the recovery runs, and what follows from it. */
export interface WayBack {
  /** Entry whose image the firmware refused; undefined when somebody, or the boot menu, chose the recovery. */
  refused: string | undefined;
  /** Entry that can start instead: the machine should restart. */
  instead: string | undefined;
}

/** What is said of an entry that the firmware did not start. */
const REFUSED_SENTENCE = 'the firmware refused its image, and started the recovery';

/**
 * In a recovery that the firmware started because it refused an image: marks that entry bad, and tells what can start
 * instead. systemd-boot does not go on to the next entry then. An entry that was bad before is no reason to restart: so the
 * machine goes back at most once for each.
 */
export async function findWayBack(
  machine: Machine,
  withMenu: <T>(work: (menu: BootMenu) => Promise<T>) => Promise<T> = (work) => withBootMenu(machine, work),
): Promise<WayBack> {
  return withMenu(async (menu) => {
    const { entry, recoveryByFirmware } = await menu.started();
    if (!recoveryByFirmware || entry === undefined || entry.generation === 'recovery' || isBad(entry)) {
      return { refused: undefined, instead: undefined };
    }
    const refused = bootEntryId(entry.generation);
    await writeEspReason(machine, { entry: refused, sentence: REFUSED_SENTENCE });
    await menu.markBad(entry.generation);
    const other = (await menu.list()).find((one) => one.generation !== 'recovery' && !isBad(one));
    return { refused, instead: other === undefined ? undefined : bootEntryId(other.generation) };
  });
}
