import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type Digest, LocalBlobStore } from '@bowline/host';
import { exportStore, importStore } from '@bowline/image';
import { type BowlLock, parseLock } from '@bowline/spec';
import { Command } from 'commander';
import { lockPathOf } from '../bowl-file.ts';
import { type CommandContext, type CommandGroup, defineCommand } from '../command.ts';
import { CliError } from '../error.ts';
import { findBowl } from '../places.ts';
import { formatBytes, formatTable } from '../text-table.ts';

const exportCommand = defineCommand<[bowl: string, file: string], object>({
  declare: () =>
    new Command('export')
      .summary("write a bowl's inputs to a file")
      .description('Writes every input that bowl.lock pins to one tar, to be carried to a site without network.')
      .argument('<bowl>', 'a folder with bowl.yaml, a bowl file, or the name of a ready bowl')
      .argument('<file>', 'the tar to write'),
  examples: ['bowline store export edge edge-inputs.tar'],
  run: async ([bowl, file], _options, context) => {
    const lock = await readLock(lockPathOf(await findBowl(bowl, context)), bowl);
    const store = await openStore(context);
    const outFile = resolve(context.cwd, file);
    const result = await context.progress.task(`Writing ${file}`, async (progress) =>
      exportStore({
        lock,
        store,
        extraBlobs: await filesInStore(lock, store),
        cacheFolder: context.cacheFolder,
        outFile,
        progress,
        signal: context.signal,
      }),
    );
    return {
      text: `${result.blobs} inputs (${formatBytes(result.sizeBytes)}) are in ${outFile}\nThere: bowline store import ${file}`,
      json: { file: outFile, ...result },
    };
  },
});

const importCommand = defineCommand<[file: string], object>({
  declare: () =>
    new Command('import')
      .summary('take inputs from a file')
      .description('Takes the inputs in a tar made by `store export`; each is checked against its digest.')
      .argument('<file>', 'the tar to read'),
  examples: ['bowline store import edge-inputs.tar'],
  run: async ([file], _options, context) => {
    const store = await openStore(context);
    const result = await context.progress.task(`Reading ${file}`, (progress) =>
      importStore(resolve(context.cwd, file), store, progress, context.signal, context.cacheFolder),
    );
    return { text: `${result.blobs} inputs read, ${result.added} of them new`, json: result };
  },
});

const listCommand = defineCommand<[], object>({
  declare: () =>
    new Command('list').summary('list what is in the store').description('Lists every input in the content store.'),
  examples: ['bowline store list', 'bowline store list --json'],
  run: async (_args, _options, context) => {
    const store = await openStore(context);
    const blobs: { digest: Digest; size: number }[] = [];
    for await (const blob of store.list()) blobs.push(blob);
    blobs.sort((a, b) => b.size - a.size);
    const total = blobs.reduce((sum, blob) => sum + blob.size, 0);
    const table = formatTable(
      ['digest', 'size'],
      blobs.map((blob) => [blob.digest, formatBytes(blob.size)]),
    );
    return { text: `${table}\n${blobs.length} inputs, ${formatBytes(total)}`, json: { blobs, sizeBytes: total } };
  },
});

/** `bowline store`: the content store with the inputs of builds. */
export const store: CommandGroup = {
  declare: () =>
    new Command('store')
      .summary('carry inputs to another site')
      .description('Works with the content store, where the inputs of builds are kept.'),
  examples: ['bowline store export edge edge-inputs.tar', 'bowline store import edge-inputs.tar', 'bowline store list'],
  commands: [exportCommand, importCommand, listCommand],
};

async function openStore(context: CommandContext): Promise<LocalBlobStore> {
  return await LocalBlobStore.open(join(context.cacheFolder, 'store'));
}

async function readLock(path: string, bowl: string): Promise<BowlLock> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw new CliError({
      code: 'FILE_NOT_FOUND',
      message: `there is no ${path}: it says which inputs belong to the bowl`,
      hint: `Get them: \`bowline fetch ${bowl}\`.`,
      cause: error,
    });
  });
  return parseLock(text, path);
}

/** Files beside the bowl, as far as they are kept in the store. */
async function filesInStore(lock: BowlLock, blobs: LocalBlobStore): Promise<{ digest: Digest; origin: string }[]> {
  const kept: { digest: Digest; origin: string }[] = [];
  for (const [origin, digest] of Object.entries(lock.files)) {
    if (await blobs.has(digest)) kept.push({ digest, origin });
  }
  return kept;
}
