import { Command } from 'commander';
import { readState, type StateDocument } from '../machine/state-document.ts';
import { defineCommand } from './command.ts';

/** `bowline-agent state get QUERY`: a part of the state. */
const get = defineCommand<[query: string], object>({
  declare: () =>
    new Command('get')
      .description('Prints a part of the state: one result a line, texts without quotes.')
      .argument('<query>', 'a query in the language of jq, such as .persistent.found'),
  examples: ['bowline-agent state get .boot', "bowline-agent state get '.partitions[].label'"],
  run: async ([query], _options, { machine }) => {
    const { runQuery } = await import('../query/run-query.ts');
    const results = runQuery(query, await readState(machine));
    const lines = results.map((result) => (typeof result === 'string' ? result : JSON.stringify(result, undefined, 2)));
    return { text: lines.join('\n'), json: results.length === 1 ? results[0] : results };
  },
});

/** `bowline-agent state`: what the machine is now. */
export const state = defineCommand<[], object>({
  declare: () => new Command('state').description('Shows what runs: image, kernel, partitions.'),
  examples: ['bowline-agent state', 'bowline-agent state get .image.version'],
  commands: [get],
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
