import { readFile, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { STATE_BINDS, STATE_FOLDER } from '@bowline/os-layout';
import { Command } from 'commander';
import { groupTable, passwdTable } from '../accounts/account-codecs.ts';
import { findIdentityConflicts, type IdentityConflict } from '../accounts/identity-conflicts.ts';
import { readIdentityLedger } from '../accounts/identity-ledger.ts';
import { scanOwners } from '../accounts/scan-owners.ts';
import { AgentError } from '../error.ts';
import type { Machine } from '../machine/machine.ts';
import { type CommandContext, defineCommand, type Outcome } from './command.ts';

const MAX_BYTES = 64 * 1024 * 1024;

/** `bowline-agent identity`. */
export const identity = defineCommand<[], object>({
  declare: () => new Command('identity').description('Compares the numbers of users and groups with another image.'),
  examples: ['bowline-agent identity check --passwd /mnt/etc/passwd --group /mnt/etc/group'],
  run: async () => {
    throw new AgentError({ code: 'USAGE', message: 'identity needs a command', hint: 'Use `identity check`.' });
  },
  commands: [
    defineCommand<[], { passwd: string; group: string }>({
      declare: () =>
        new Command('check')
          .description('Refuses an image in which numbers that own files mean somebody else (exit code 1).')
          .requiredOption('--passwd <file>', 'passwd of the other image')
          .requiredOption('--group <file>', 'group of the other image'),
      examples: ['bowline-agent identity check --passwd /mnt/etc/passwd --group /mnt/etc/group'],
      run: (_args, options, context) => checkIdentity(options, context),
    }),
  ],
});

/**
 * Compares the numbers of another image with those that files on state belong to. Throws AgentError IDENTITY_CONFLICT
 * with the list, or when not all files could be looked at.
 */
async function checkIdentity(
  files: { passwd: string; group: string },
  context: Pick<CommandContext, 'machine' | 'signal' | 'cwd'>,
): Promise<Outcome> {
  const passwd = passwdTable(await read(resolve(context.cwd, files.passwd)));
  const group = groupTable(await read(resolve(context.cwd, files.group)));
  const { ledger } = await readIdentityLedger(context.machine);
  const scan = await scanOwners(await stateFolders(context.machine), { signal: context.signal });
  const ownedIds = { uids: scan.uids, gids: scan.gids };
  const conflicts = findIdentityConflicts({ ledger, passwd: passwd.entries, group: group.entries, ownedIds });
  if (conflicts.length > 0) {
    throw new AgentError({
      code: 'IDENTITY_CONFLICT',
      message: `files on state would change their owner:\n${conflicts.map((conflict) => `  ${describe(conflict)}`).join('\n')}`,
      hint: 'Give these names their numbers in the image, or remove or chown the files.',
      details: { conflicts },
    });
  }
  if (!scan.complete) {
    throw new AgentError({
      code: 'IDENTITY_CONFLICT',
      message: 'not all files on state could be looked at, so it is not known who owns them',
      hint: 'Run this as root.',
    });
  }
  return { text: `no conflicts (${scan.files} files)`, json: { conflicts: [], files: scan.files } };
}

async function read(path: string): Promise<Uint8Array> {
  const stats = await stat(path).catch(() => undefined);
  if (stats?.isFile() && stats.size <= MAX_BYTES) return await readFile(path);
  throw new AgentError({ code: 'USAGE', message: `${path} is no account file`, hint: 'Give files that can be read.' });
}

async function stateFolders(machine: Machine): Promise<string[]> {
  const state = machine.locate(STATE_FOLDER);
  const stats = await stat(state).catch(() => undefined);
  return stats?.isDirectory() ? [state] : STATE_BINDS.map((folder) => machine.locate(`/${folder}`));
}

function describe({ kind, name, id, reason, there }: IdentityConflict): string {
  if (reason === 'moved') return `${kind} ${name}: ${id} here, ${there} in the image`;
  return `${kind} ${name}: ${id} here, which is ${there} in the image`;
}
