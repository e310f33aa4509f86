import { Command } from 'commander';
import { readState, type StateDocument } from '../machine/state-document.ts';
import { defineCommand } from './command.ts';

/** `bowline-agent state`: what the machine is now. */
export const state = defineCommand<[], object>({
  declare: () => new Command('state').description('Shows what runs: image, kernel, partitions.'),
  examples: ['bowline-agent state', 'bowline-agent state --json'],
  run: async (_args, _options, { machine }) => {
    const document = await readState(machine);
    return { text: stateText(document), json: document };
  },
});

function stateText({ boot, image, kernel, partitions, persistent, encryption, system }: StateDocument): string {
  const lines: [string, string][] = [
    ['boot', boot],
    ['image', [image.name, image.version, image.id].filter(Boolean).join(' ') || 'not known'],
    ['kernel', kernel.release],
    ['system', `${system.os.name} ${system.os.version} (${system.arch}, ${system.init})`],
    ['persistent', persistent.mounted ? persistent.mount_point : persistent.found ? 'not mounted' : 'none'],
    ['encryption', encryption.enabled ? 'on' : 'off'],
    ...partitions.map(({ label, device, sizeBytes, mountPoint }): [string, string] => [
      `partition ${label}`,
      [device, `${Math.round(sizeBytes / 2 ** 20)} MiB`, mountPoint].filter(Boolean).join(' '),
    ]),
  ];
  return lines.map(([key, value]) => `${key}: ${value}`).join('\n');
}
