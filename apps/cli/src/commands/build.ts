import { ensureSystemPackages } from '@bowline/host';
import type { BuildResult } from '@bowline/image';
import { OutputKind } from '@bowline/spec';
import { Command, Option } from 'commander';
import { buildNeeds } from '../build-needs.ts';
import { defineCommand } from '../command.ts';
import { formatBytes, formatTable } from '../text-table.ts';
import { addSourceOptions, type BuildFlags, toBuildOptions } from './build-options.ts';

/** `bowline build BOWL`: makes the artefacts of a bowl. */
export const build = defineCommand<[bowl: string], BuildFlags>({
  declare: () =>
    addSourceOptions(
      new Command('build')
        .summary('build the images of a bowl')
        .description('Builds what a bowl describes into OUT/NAME, and pins every input in bowl.lock beside it.')
        .argument('<bowl>', 'a folder with bowl.yaml, a bowl file, or the name of a ready bowl')
        .addOption(
          new Option('--output <kind...>', 'what to build, instead of what the bowl says').choices(OutputKind.options),
        )
        .addOption(
          new Option('--arch <arch...>', 'for which architectures, instead of what the bowl says').choices([
            'amd64',
            'arm64',
          ]),
        )
        .option('--out <folder>', 'where the folder of the build goes', './out')
        .option('--locked', 'refuse to build when bowl.lock would change')
        .option('--offline', 'use the content store alone, no network')
        .addOption(new Option('--update', 'look for newer inputs and pin those').conflicts(['locked', 'offline']))
        .option('--debug', 'open a root shell on a second serial port; never ship such an image')
        .option('--key <file>', 'sign with this private key (PEM)')
        .option('--certificate <file>', 'certificate of that key (PEM)')
        .option('--release-key <file>', 'sign releases with this private key (PEM, Ed25519)'),
    ),
  examples: [
    'bowline build bowls/starter',
    'bowline build starter --output raw iso --out /srv/images',
    'bowline build edge --locked --offline --json',
    'bowline build edge --output release --release-key keys/release.key',
    'bowline build edge --debug --key keys/test.key --certificate keys/test.crt',
  ],
  run: async ([bowl], flags, context) => {
    const options = await toBuildOptions(bowl, flags, context);
    const needs = buildNeeds({ bowl: options.bowl, offline: options.offline, isRoot: context.host.isRoot });
    await ensureSystemPackages(context.host, needs, context.progress, context.signal);
    // Most commands never build: they start faster without the code for it.
    const { buildBowl } = await import('@bowline/image');
    const result = await buildBowl(options, { host: context.host, progress: context.progress });
    return { text: report(result, context.host.env['BOWLINE_COMMAND'] ?? 'bowline'), json: result };
  },
});

function report(result: BuildResult, command: string): string {
  const rows = result.files.map((file) => [file.arch, file.output, formatBytes(file.sizeBytes), file.path]);
  const bootable = ['raw', 'qcow2', 'raw-zst', 'iso'];
  const next = bootable.flatMap((kind) => result.files.filter((file) => file.output === kind)).at(0);
  return [
    `${result.name} ${result.version} ${result.unchanged ? 'is up to date' : 'is built'}: ${result.imageId}`,
    formatTable(['arch', 'output', 'size', 'file'], rows),
    ...(next === undefined
      ? []
      : ['', 'Start it in a virtual machine here:', `  ${shellWord(command)} boot ${shellWord(next.path)}`]),
  ].join('\n');
}

/** Quotes a word for a POSIX shell where it needs quotes, so that the line can be copied. */
function shellWord(word: string): string {
  return /^[A-Za-z0-9_./:@%+=,-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
