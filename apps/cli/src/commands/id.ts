import { readFile } from 'node:fs/promises';
import { bowlError, imageId, parseLock } from '@bowline/spec';
import { Command } from 'commander';
import { lockPathOf, readBowl } from '../bowl-file.ts';
import { defineCommand } from '../command.ts';
import { CliError } from '../error.ts';
import { findBowl } from '../places.ts';

/** `bowline id BOWL`: prints the identity of the image that a bowl and its lock make. */
export const id = defineCommand<[bowl: string], { debug?: boolean }>({
  declare: () =>
    new Command('id')
      .summary('print the image ID of a bowl')
      .description('Prints the sha256 over canonical bowl and bowl.lock. The same ID means the same bytes.')
      .argument('<bowl>', 'a folder with bowl.yaml, a bowl file, or the name of a ready bowl')
      .option('--debug', 'of the debug image'),
  examples: ['bowline id edge', 'bowline id edge --json'],
  run: async ([argument], { debug = false }, context) => {
    const path = await findBowl(argument, context);
    const loaded = await readBowl(path, context.projectFolder);
    if (!loaded.ok) throw bowlError(loaded.problems);
    const lockPath = lockPathOf(path);
    const lockText = await readFile(lockPath, 'utf8').catch((error: unknown) => {
      throw new CliError({
        code: 'FILE_NOT_FOUND',
        message: `there is no ${lockPath}: a bowl has an identity once its inputs are pinned`,
        hint: `Pin them: \`bowline fetch ${argument}\`.`,
        cause: error,
      });
    });
    const lock = parseLock(lockText, lockPath);
    if (loaded.bowl.arch.some((arch) => lock.arch[arch]?.slotBytes === undefined)) {
      context.progress.warn(
        'bowl.lock does not pin the slot size yet: the first build does, and the image then has another ID',
      );
    }
    const identity = await imageId({ bowl: loaded.bowl, lock, debug, signing: [] });
    return { text: identity, json: { imageId: identity, bowl: path, debug } };
  },
});
