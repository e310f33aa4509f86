import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Command } from 'commander';
import { readBowl } from '../bowl-file.ts';
import { defineCommand } from '../command.ts';
import { readyBowls } from '../places.ts';
import { formatTable } from '../text-table.ts';

interface ReadyBowl {
  name: string;
  version: string;
  arch: readonly string[];
  description: string;
  status: string;
}

/** `bowline list`: the ready bowls. */
export const list = defineCommand<[], object>({
  declare: () =>
    new Command('list')
      .summary('list the ready bowls')
      .description('Lists the bowls that come with Bowline, to be built as they are or to be extended by your own.'),
  examples: ['bowline list', 'bowline list --json'],
  run: async (_args, _options, context) => {
    const bowls: ReadyBowl[] = [];
    for (const name of await readyBowls(context.projectFolder)) bowls.push(await describe(context.projectFolder, name));
    const rows = bowls.map((bowl) => [bowl.name, bowl.arch.join(' '), bowl.status, bowl.description]);
    return { text: formatTable(['name', 'arch', 'status', 'description'], rows), json: { bowls } };
  },
});

async function describe(projectFolder: string, name: string): Promise<ReadyBowl> {
  const folder = join(projectFolder, 'bowls', name);
  const loaded = await readBowl(join(folder, 'bowl.yaml'), projectFolder);
  if (!loaded.ok) return { name, version: '', arch: [], description: '', status: 'broken: see `bowline validate`' };
  const { version, arch, description } = loaded.bowl;
  return {
    name,
    version,
    arch,
    description,
    status: statusOf(await readFile(join(folder, 'README.md'), 'utf8').catch(() => '')),
  };
}

/** A ready bowl's README has a line `Status: ...` unless it is built and booted by the tests like the others. */
function statusOf(readme: string): string {
  const line = /^Status: *(.+)$/m.exec(readme)?.[1];
  return line?.replace(/\.$/, '').trim() ?? 'built and booted in the tests';
}
