import type { Progress } from '@bowline/host';
import {
  fitsDisk,
  GIB,
  MIB,
  SLOT_FULL_WARNING,
  slotSizeBytes,
  smallestDiskBytes,
  veritySizeBytes,
} from '@bowline/os-layout';
import { type Arch, type Bowl, formatBytes, parseSize } from '@bowline/spec';
import { ImageError } from '../error.ts';
import type { RootRecord } from './root-record.ts';

/**
 * Size of a root slot in bytes: what the bowl says, else what the lock pinned, else what the root needs with room to grow.
 * It can never change on a machine, so a pinned size is kept as long as the root fits.
 *
 * @throws ImageError SLOT_TOO_SMALL | DISK_TOO_SMALL
 */
export function chooseSlotBytes(
  bowl: Bowl,
  arch: Arch,
  root: Pick<RootRecord, 'squashfsBytes' | 'verityBytes'>,
  pinned: number | undefined,
  progress: Progress,
): number {
  const { slot, smallest, recovery } = bowl.disk;
  const slotBytes = slot === 'auto' ? (pinned ?? slotSizeBytes(root.squashfsBytes)) : parseSize(slot);
  if (root.squashfsBytes > slotBytes || root.verityBytes > veritySizeBytes(slotBytes)) {
    throw new ImageError({
      code: 'SLOT_TOO_SMALL',
      message: `the ${arch} root has ${formatBytes(root.squashfsBytes)}, but a slot holds ${formatBytes(slotBytes)}`,
      hint:
        slot === 'auto'
          ? 'drop packages or files; or delete slotBytes from bowl.lock for new machines only: those in the field cannot grow their slots'
          : 'make disk.slot larger (machines in the field keep the size they have), or drop packages or files',
    });
  }
  if (root.squashfsBytes > SLOT_FULL_WARNING * slotBytes) {
    const percent = Math.round((100 * root.squashfsBytes) / slotBytes);
    progress.warn(
      `the ${arch} root fills ${percent} % of its slot of ${formatBytes(slotBytes)}; a slot can never grow on a machine`,
    );
  }
  const disk = parseSize(smallest);
  if (!fitsDisk({ slotBytes, recovery }, disk)) {
    const needed = Math.ceil(smallestDiskBytes({ slotBytes, recovery }) / GIB);
    throw new ImageError({
      code: 'DISK_TOO_SMALL',
      message: `disk.smallest is ${smallest}, but two slots of ${slotBytes / MIB} MiB${recovery ? ', recovery' : ''} and state need ${needed} GiB`,
      hint: `set disk.smallest to "${needed} GiB"${recovery ? ', or disk.recovery to false' : ''}`,
    });
  }
  return slotBytes;
}
