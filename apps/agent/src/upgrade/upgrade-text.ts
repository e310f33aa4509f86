import { slotTitle } from '../slots/slots.ts';
import type { PreparedUpgrade } from './prepare-upgrade.ts';
import type { UpgradeResult } from './upgrade-machine.ts';

type Done = UpgradeResult['result'];

/** Bytes for people: `12.3 MB`. */
export function bytesText(bytes: number): string {
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB'];
  let [value, unit] = [bytes, 0];
  while (value >= 1000 && unit < units.length - 1) [value, unit] = [value / 1000, unit + 1];
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}

/** What an upgrade did, in sentences, and what happens next. */
export function upgradeText(
  { plan, facts }: PreparedUpgrade,
  { written, warnings, ukiFetchedBytes }: Done,
  afterwards: 'reboot' | 'poweroff' | undefined,
): string {
  const title = `${facts.next.name} ${facts.next.version}`;
  const lines: string[] = [];
  if (plan.kind === 'nothing') {
    lines.push(
      plan.reason === 'runs'
        ? `${title} runs already: nothing was done.`
        : `${title} is in place already: nothing was written.`,
    );
  } else if (plan.kind === 'write') {
    const where = slotTitle(plan.slot);
    lines.push(
      plan.reuses ? `${title} is in place; its root lay in ${where} already.` : `${title} is written to ${where}.`,
      ...(written === undefined
        ? []
        : [
            `${bytesText(written.fetchedBytes + ukiFetchedBytes)} were fetched, ${bytesText(written.reusedBytes + written.keptBytes)} were on this machine.`,
          ]),
    );
  }
  const isVersion =
    plan.kind === 'write' ? plan.slot !== 'recovery' : plan.kind === 'nothing' && plan.reason === 'written';
  if (isVersion) {
    lines.push(
      afterwards === 'reboot'
        ? 'The machine restarts into it now.'
        : afterwards === 'poweroff'
          ? 'The machine is switched off now and starts it next.'
          : 'The next start tries it; when it is not healthy, the machine goes back to the version that runs now.',
    );
  } else if (plan.kind === 'write') {
    lines.push('It is the recovery system now; the version that starts stays the same.');
  }
  return [...lines, ...warnings.map((warning) => `warning: ${warning}`)].join('\n');
}

/** The same as data. */
export function upgradeDocument(
  { plan, facts, release, warnings }: PreparedUpgrade,
  result: Done,
): Record<string, unknown> {
  const { name, version, imageId } = facts.next;
  return {
    result: plan.kind === 'write' ? 'written' : plan.kind === 'nothing' ? plan.reason : 'refused',
    name,
    version,
    imageId,
    release: release.digest,
    source: release.origin,
    signedBy: release.signedBy,
    ...(plan.kind === 'write' ? { slot: plan.slot, generation: plan.entry.generation } : {}),
    ...(result.written === undefined
      ? {}
      : {
          fetchedBytes: result.written.fetchedBytes,
          reusedBytes: result.written.reusedBytes,
          keptBytes: result.written.keptBytes,
        }),
    ukiFetchedBytes: result.ukiFetchedBytes,
    warnings: [...warnings, ...result.warnings],
  };
}
