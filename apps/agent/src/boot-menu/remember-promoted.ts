import { findVersion, forgetBadImage, rememberVersion } from '../lifecycle-record/record.ts';
import { changeLifecycleRecord } from '../lifecycle-record/record-file.ts';
import type { Machine } from '../machine/machine.ts';
import type { Promoted } from './roll-back.ts';

/** Notes under its new generation what is known of a version that somebody chose for good. */
export async function rememberPromoted(machine: Machine, { entry, before }: Promoted): Promise<void> {
  const { generation } = entry;
  if (generation === before.generation) return;
  await changeLifecycleRecord(machine, (record) => {
    const known = findVersion(record, before.generation);
    if (known === undefined) return record;
    const { reason: _, ...rest } = known;
    const at = machine.clock.now().toISOString();
    return forgetBadImage(rememberVersion(record, { ...rest, generation, verdict: 'blessed', at }), known.imageId);
  });
}
