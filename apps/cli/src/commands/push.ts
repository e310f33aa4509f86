import { resolve } from 'node:path';
import { Command } from 'commander';
import { defineCommand } from '../command.ts';
import { formatBytes } from '../text-table.ts';
import { releaseAccess } from './release-access.ts';

/** `bowline push REF [FOLDER...]`: puts releases into a registry. */
export const push = defineCommand<[reference: string, folders: string[]], { plainHttp?: string[] }>({
  declare: () =>
    new Command('push')
      .summary('put a release into a registry')
      .description(
        'Copies releases to a container registry, where machines upgrade from. Of several architectures, one tag names all.',
      )
      .argument('<ref>', 'where to, such as registry.example.org/edge:2; log in with `docker login` or `podman login`')
      .argument('[folder...]', 'release folders, or the folder of a build', ['./out'])
      .option('--plain-http <host...>', 'registries to talk to without TLS'),
  examples: [
    'bowline push registry.example.org/edge:2 out/edge',
    'bowline push 127.0.0.1:5000/edge:2 out/edge/edge-2-amd64-release --plain-http 127.0.0.1:5000',
  ],
  run: async ([reference, folders], flags, context) => {
    const { findReleaseFolders, pushReleases } = await import('@bowline/image');
    const found = (await Promise.all(folders.map((each) => findReleaseFolders(resolve(context.cwd, each))))).flat();
    const pushed = await context.progress.task(`push ${reference}`, (task) =>
      pushReleases(found, reference, releaseAccess(context, flags.plainHttp, task)),
    );
    const { digest, sentBytes, totalBytes } = pushed;
    return {
      text: `${reference}\n${digest}\n${formatBytes(sentBytes)} of ${formatBytes(totalBytes)} sent; the registry had the rest`,
      json: { reference, digest, sentBytes, totalBytes, folders: found },
    };
  },
});
