import { ensureSystemPackages } from '@bowline/host';
import type { Arch } from '@bowline/spec';
import { Command, Option } from 'commander';
import { buildNeeds } from '../build-needs.ts';
import { defineCommand } from '../command.ts';
import { formatBytes } from '../text-table.ts';
import { addSourceOptions, type SourceFlags, toFetchOptions } from './build-options.ts';

interface FetchFlags extends SourceFlags {
  arch?: Arch[];
  update?: boolean;
}

/** `bowline fetch BOWL`: gets every input of a bowl into the content store. */
export const fetch = defineCommand<[bowl: string], FetchFlags>({
  declare: () =>
    addSourceOptions(
      new Command('fetch')
        .summary('get every input of a bowl')
        .description(
          'Gets everything a build of the bowl needs into the content store and pins it in bowl.lock, without building.',
        )
        .argument('<bowl>', 'a folder with bowl.yaml, a bowl file, or the name of a ready bowl')
        .addOption(new Option('--arch <arch...>', 'for which architectures').choices(['amd64', 'arm64']))
        .option('--update', 'look for newer inputs and pin those'),
    ),
  examples: ['bowline fetch edge', 'bowline fetch edge --update'],
  run: async ([bowl], flags, context) => {
    const { fetchBowl } = await import('@bowline/image');
    const options = await toFetchOptions(bowl, flags, context);
    const needs = buildNeeds({ bowl: options.bowl, offline: options.offline, isRoot: context.host.isRoot });
    await ensureSystemPackages(context.host, needs, context.progress, context.signal);
    const result = await fetchBowl(options, { host: context.host, progress: context.progress });
    return {
      text: `${result.blobs} inputs (${formatBytes(result.sizeBytes)}) are in the content store; pinned in ${result.lockPath}`,
      json: result,
    };
  },
});
