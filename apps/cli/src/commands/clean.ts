import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { LocalBlobStore, removeTree } from '@bowline/host';
import { Command } from 'commander';
import { type CommandContext, defineCommand } from '../command.ts';
import { formatBytes } from '../text-table.ts';

/** The content store: inputs, which a mirror may have forgotten by tomorrow. Everything else can be made again. */
const STORE = 'store';
/** Lock files are empty, and removing one that is held would let two builds hold it. */
const LOCKS = 'locks';

/** `bowline clean`: frees the disk. */
export const clean = defineCommand<[], { all?: boolean }>({
  declare: () =>
    new Command('clean')
      .summary('free the disk')
      .description(
        'Removes from the cache folder what can be made again from the inputs. Not while a build runs. ' +
          'Images in ./out are yours; they stay.',
      )
      .option('--all', 'the inputs in the content store as well'),
  examples: ['bowline clean', 'bowline clean --all'],
  run: async (_args, { all = false }, context) => {
    const kept = all ? [LOCKS] : [LOCKS, STORE];
    const names = (await readdir(context.cacheFolder).catch(() => [])).filter((name) => !kept.includes(name));
    let freedBytes = all ? 0 : await removeAgents(context);
    for (const name of names.toSorted()) {
      await context.progress.task(`Removing ${name}`, async (task) => {
        const path = join(context.cacheFolder, name);
        const sizeBytes = await diskUsage(path, context.signal);
        await removeTree(path);
        freedBytes += sizeBytes;
        task.note(formatBytes(sizeBytes));
      });
    }
    return {
      text: `${formatBytes(freedBytes)} freed in ${context.cacheFolder}`,
      json: { cacheFolder: context.cacheFolder, removed: names, freedBytes },
    };
  },
});

/** Agents lie in the store, but are made, not fetched: they go with the records of them. */
async function removeAgents(context: CommandContext): Promise<number> {
  const store = join(context.cacheFolder, STORE);
  if ((await lstat(store).catch(() => undefined)) === undefined) return 0;
  const { forgetAgents } = await import('@bowline/image');
  return await forgetAgents(context.cacheFolder, await LocalBlobStore.open(store));
}

/** Bytes that a tree takes on the disk; holes do not count, and what cannot be read neither. */
async function diskUsage(path: string, signal: AbortSignal): Promise<number> {
  signal.throwIfAborted();
  const info = await lstat(path).catch(() => undefined);
  if (info === undefined) return 0;
  let bytes = info.blocks * 512;
  if (!info.isDirectory()) return bytes;
  for (const name of await readdir(path).catch(() => [])) bytes += await diskUsage(join(path, name), signal);
  return bytes;
}
