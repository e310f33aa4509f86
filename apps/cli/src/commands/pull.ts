import { resolve } from 'node:path';
import { Command } from 'commander';
import { defineCommand } from '../command.ts';
import { formatBytes } from '../text-table.ts';
import { releaseAccess } from './release-access.ts';

/** `bowline pull REF FOLDER`: fetches releases from a registry. */
export const pull = defineCommand<[reference: string, folder: string], { plainHttp?: string[] }>({
  declare: () =>
    new Command('pull')
      .summary('fetch a release from a registry')
      .description(
        'Copies a release into a new folder, for a USB stick or a web server. Digests are verified; signatures are for `bowline verify`.',
      )
      .argument('<ref>', 'where from, such as registry.example.org/edge:2')
      .argument('<folder>', 'new folder')
      .option('--plain-http <host...>', 'registries to talk to without TLS'),
  examples: ['bowline pull registry.example.org/edge:2 /srv/releases/edge-2'],
  run: async ([reference, folder], flags, context) => {
    const { pullReleases } = await import('@bowline/image');
    const { totalBytes } = await context.progress.task(`pull ${reference}`, (task) =>
      pullReleases(reference, folder, releaseAccess(context, flags.plainHttp, task)),
    );
    const path = resolve(context.cwd, folder);
    return { text: `${path} (${formatBytes(totalBytes)})`, json: { reference, folder: path, sizeBytes: totalBytes } };
  },
});
