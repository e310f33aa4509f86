import { formatBytes } from '@bowline/spec';
import { diskTitle } from './choose-disk.ts';
import type { InstallPlan, InstallResult } from './plan.ts';

/** A plan for people: what is written where, and what is lost. No contents of configurations. */
export function planText(plan: InstallPlan): string {
  const { system, disk, partitions } = plan;
  const lines = [
    `install ${system.name} ${system.version} (${system.arch}, ${formatBytes(system.rootBytes)}) from ${system.origin}`,
    `on ${diskTitle(disk)}`,
    ...(plan.erased.length === 0 ? ['the disk is empty'] : ['erases:', ...plan.erased.map((line) => `  ${line}`)]),
    'writes:',
    ...partitions.map(({ label, sizeBytes, startBytes, fileSystem }) => {
      const when = startBytes === undefined ? ', made at the first start' : '';
      return `  ${label}: ${formatBytes(sizeBytes)}${fileSystem === undefined ? '' : `, ${fileSystem}`}${when}`;
    }),
    `starts by ${plan.firmware.map((kind) => kind.toUpperCase()).join(' and ')}`,
    ...plan.configurations.map(({ origin }) => `configuration: ${origin}`),
    ...plan.reports.map(({ key, message }) => `note: ${key}: ${message}`),
    ...plan.warnings.map((warning) => `warning: ${warning}`),
    ...(plan.after === 'nothing' ? [] : [`then ${plan.after === 'reboot' ? 'restarts' : 'switches off'} the machine`]),
  ];
  return lines.join('\n');
}

/** The same as data: without what may be secret. */
export function planDocument(plan: InstallPlan): Record<string, unknown> {
  const { configurations, env, ...rest } = plan;
  return {
    ...rest,
    configurations: configurations.map(({ origin, name }) => ({ origin, ...(name === undefined ? {} : { name }) })),
    env: Object.keys(env),
  };
}

/** What an installation left, for people. */
export function resultText({ system, disk, seconds, warnings }: InstallResult): string {
  return [
    `${system.name} ${system.version} is installed on ${disk} (${seconds} s); it was read back and is right.`,
    ...warnings.map((warning) => `warning: ${warning}`),
  ].join('\n');
}
