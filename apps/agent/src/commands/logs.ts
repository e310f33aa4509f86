import { resolve } from 'node:path';
import { writeFileAtomic } from '@bowline/host';
import { Command } from 'commander';
import { collectBundle } from '../logs/collect-bundle.ts';
import { packBundle } from '../logs/pack-bundle.ts';
import { defineCommand } from './command.ts';

/** `bowline-agent logs [-o FILE]`: a support bundle without secrets. */
export const logs = defineCommand<[], { output?: string }>({
  declare: () =>
    new Command('logs')
      .description(
        'Writes a support bundle: what the stages did, the configuration, journal, kernel messages, mounts, disks and ' +
          'failed units, and what `logs:` of the configuration names. Secrets of the configuration, and what looks like one, ' +
          'are replaced in every file; look through it all the same before you give it away.',
      )
      .option('-o, --output <file>', 'file to write (default: bowline-logs-HOST-TIME.tar.gz in this folder)'),
  examples: ['bowline-agent logs', 'bowline-agent logs -o /tmp/logs.tar.gz'],
  run: async (_args, { output }, { machine, cwd, version }) => {
    const now = machine.clock.now();
    const { hostname } = await machine.facts();
    const stamp = now.toISOString().replaceAll(/[-:]|\.\d+/g, '');
    const folder = `bowline-logs-${hostname.replaceAll(/[^\w.-]/g, '_') || 'machine'}-${stamp}`;
    const files = await collectBundle(machine, version);
    const path = resolve(cwd, output ?? `${folder}.tar.gz`);
    await writeFileAtomic(path, await packBundle(folder, files, now), 0o600);
    return { text: path, json: { file: path, entries: files.map(({ name }) => name) } };
  },
});
