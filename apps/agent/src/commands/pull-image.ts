import { resolve } from 'node:path';
import { Command } from 'commander';
import { defineCommand } from './command.ts';

/** `bowline-agent pull-image`. */
export const pullImage = defineCommand<[image: string, target: string], { platform?: string }>({
  declare: () =>
    new Command('pull-image')
      .description('Unpacks a container image into a folder. Nothing happens when it is there already.')
      .argument('<image>', 'image reference')
      .argument('<target>', 'folder')
      .option('--platform <os/arch>', 'that of the machine unless given'),
  examples: [
    'bowline-agent pull-image registry.example.com/tools:1 /opt/tools',
    'bowline-agent pull-image --platform linux/arm64 registry.example.com/tools:1 /opt/tools',
  ],
  run: async ([image, target], { platform }, { machine, cwd }) => {
    const { unpackImage } = await import('../images/unpack-image.ts');
    const folder = resolve(cwd, target);
    const { changed, note } = await unpackImage(machine, { source: image, target: folder, platform });
    const text = changed ? `unpacked to ${folder}: ${note}` : `${folder} is as wanted: ${note}`;
    return { text, json: { target: folder, changed, note } };
  },
});
