import { slotTitle } from '../slots/slots.ts';
import type { Difference } from './compare-inventories.ts';
import type { UpgradePreview } from './preview-upgrade.ts';
import { bytesText } from './upgrade-text.ts';

/** Names of a list before it is cut. */
const MAX_NAMES = 20;

/** What an upgrade would do, for people. */
export function previewText(preview: UpgradePreview): string {
  const { from, to, result, refusals, slot, sizes, warnings } = preview;
  const head =
    result === 'runs'
      ? [`${to.name} ${to.version} is what this machine runs, or starts next: nothing would be written.`]
      : result === 'refused'
        ? [
            `${to.name} ${to.version} would not be taken:`,
            ...refusals.map(({ message, code }) => `  ${message} (${code})`),
          ]
        : [
            `${from.version === '' ? 'The machine' : `${from.name} ${from.version}`} would become ${to.name} ${to.version}${slot === undefined ? '' : `, in ${slotTitle(slot)}`}.`,
          ];
  return [
    ...head,
    `  source: ${preview.source}, ${preview.signedBy === undefined ? 'not signed' : `signed by ${preview.signedBy}`}`,
    `  size: root ${bytesText(sizes.root)}, UKI ${bytesText(sizes.uki)}`,
    ...(result === 'written'
      ? [`  to fetch: at most ${bytesText(sizes.fetch)}; on this machine already: ${bytesText(sizes.reuse)}`]
      : []),
    ...changeLines(preview),
    ...startLines(preview),
    ...warnings.map((warning) => `warning: ${warning}`),
  ].join('\n');
}

function changeLines({ changes }: UpgradePreview): string[] {
  const { packages, kernel } = changes;
  return [
    kernel.from === kernel.to
      ? `  kernel: ${kernel.to}, the same`
      : `  kernel: ${kernel.from || 'unknown'} -> ${kernel.to}`,
    ...differenceLines('kernel arguments', changes.kernelArguments),
    ...(packages === undefined
      ? ['  packages: not compared; one of the versions has no package database that can be read']
      : [
          `  packages: ${packages.added.length} added, ${packages.removed.length} removed, ${packages.changed.length} changed, ${packages.kept} the same`,
          ...listLine('+', packages.added),
          ...listLine('-', packages.removed),
          ...listLine(
            '',
            packages.changed.map(({ name, from, to }) => `${name} ${from} -> ${to}`),
          ),
        ]),
    ...differenceLines('units', changes.units),
  ];
}

function differenceLines(title: string, { added, removed }: Difference): string[] {
  if (added.length === 0 && removed.length === 0) return [`  ${title}: the same`];
  return [
    `  ${title}: ${added.length} added, ${removed.length} removed`,
    ...listLine('+', added),
    ...listLine('-', removed),
  ];
}

function listLine(sign: string, names: readonly string[]): string[] {
  const shown = names.slice(0, MAX_NAMES).map((name) => `    ${sign}${name}`);
  return names.length <= MAX_NAMES ? shown : [...shown, `    and ${names.length - MAX_NAMES} more (--json has all)`];
}

function startLines({ start, sizes, result }: UpgradePreview): string[] {
  const { present, missing, unknown } = start.drivers;
  const drivers =
    missing.length > 0
      ? `NO: its initrd lacks ${missing.join(', ')}, which the disk of this machine needs`
      : present.length + unknown.length === 0
        ? 'not checked: sysfs names no driver of the disk'
        : unknown.length > 0
          ? `not checked in full: ${unknown.join(', ')} is built into the running kernel`
          : `yes: ${present.join(', ')}`;
  const { verdict, why } = start.secureBoot;
  const slotLine =
    start.slotFits === undefined || sizes.slot === undefined
      ? []
      : [`    slot: ${start.slotFits ? 'yes' : 'NO'}: ${bytesText(sizes.root)} in ${bytesText(sizes.slot)}`];
  if (result === 'runs') return [];
  return [
    '  would it start?',
    `    disk: ${drivers}`,
    ...slotLine,
    `    Secure Boot: ${verdict === 'not-checked' ? 'not checked' : 'yes'}: ${why}`,
  ];
}
