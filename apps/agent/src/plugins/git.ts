import { mkdir, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { withScratchFolder } from '@bowline/host';
import type { Step } from '@bowline/spec';
import { describeUrl } from '../download/web-address.ts';
import { gitAccess } from '../git-access/git-access.ts';
import type { Machine } from '../machine/machine.ts';
import { runProgram } from '../machine/run-program.ts';
import { oneLine, stepFailed, stepInvalid } from '../step-error.ts';
import { refuseBadPath } from '../system-file/link-target.ts';
import { definePlugin } from './plugin.ts';

type GitConfig = NonNullable<Step['git']>;
const TIMEOUT_MS = 15 * 60_000;
const DEFAULT_BRANCH = 'master';

/**
 * Keeps a work tree at the tip of a branch: made where there is none, else fetched and reset, local changes of its files
 * lost. Begun again after a loss of power it comes to the same end.
 */
export const git = definePlugin({
  key: 'git',
  actions: (config) => {
    const branch = config.branch || DEFAULT_BRANCH;
    if (config.url === '') return [];
    if (/^-|[\s\0]/.test(config.url)) throw stepInvalid('git: the url is none');
    if (!/^\w[\w./+@#-]*$/.test(branch) || branch.includes('..')) {
      throw stepInvalid(`git: ${JSON.stringify(oneLine(branch))} is no name of a branch`);
    }
    return [
      {
        summary: `keep ${oneLine(config.path)} at ${branch} of ${oneLine(describeRepository(config.url))}`,
        run: async (machine) => ({ changed: await update(machine, config, branch) }),
      },
    ];
  },
});

/** Without user and password; `user@host:path` has none. */
function describeRepository(url: string): string {
  return /^[a-z+]+:\/\//i.test(url) ? describeUrl(url) : url;
}

async function update(machine: Machine, config: GitConfig, branch: string): Promise<boolean> {
  refuseBadPath(config.path);
  const tree = machine.locate(config.path);
  const scratchParent = machine.locate('/run/bowline');
  await mkdir(scratchParent, { recursive: true });
  return withScratchFolder(scratchParent, async (folder) => {
    const { url, env } = await gitAccess(config, folder);
    const run = (...args: string[]) =>
      runProgram(machine, 'git', args, { env, timeoutMs: TIMEOUT_MS, explain: explainGit });
    const ask = async (...args: string[]) => {
      const result = await runProgram(machine, 'git', ['-C', tree, ...args], { env, okExitCodes: [0, 1, 128] });
      return Buffer.from(result.stdout).toString().trim();
    };
    await refuseForeignFolder(tree, config.path);
    const isThere = await exists(join(tree, '.git'));
    const before = isThere ? await ask('rev-parse', '--verify', '--quiet', 'HEAD') : '';
    await run('init', '--quiet', tree);
    await run('-C', tree, 'config', 'remote.origin.url', url);
    const wanted = config.branch_only ? branch : '*';
    const refs = `+refs/heads/${wanted}:refs/remotes/origin/${wanted}`;
    await run('-C', tree, 'config', '--replace-all', 'remote.origin.fetch', refs);
    await run('-C', tree, 'fetch', '--quiet', 'origin');
    const tip = `refs/remotes/origin/${branch}`;
    if ((await ask('rev-parse', '--verify', '--quiet', `${tip}^{commit}`)) === '') {
      throw stepFailed(`the repository has no branch ${branch}`, 'Name one with branch; without, it is master.');
    }
    const edited = before === '' ? '' : await ask('status', '--porcelain', '--untracked-files=no');
    await run('-C', tree, 'checkout', '--quiet', '--force', '-B', branch, tip, '--');
    return edited !== '' || (await ask('rev-parse', 'HEAD')) !== before;
  });
}

async function refuseForeignFolder(tree: string, path: string): Promise<void> {
  const names = await readdir(tree).catch((error: NodeJS.ErrnoException): string[] => {
    if (error.code === 'ENOENT') return [];
    throw stepFailed(`${path} is no folder`, 'Name a folder of its own for the repository.', error);
  });
  if (names.length === 0 || names.includes('.git')) return;
  throw stepFailed(`${path} holds files that are of no repository`, 'Empty it first, or name another folder.');
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

/** What git says may repeat addresses; what it means does not. */
function explainGit(stderr: string): string | undefined {
  const meanings: [RegExp, string][] = [
    [/host key verification failed/i, 'the key of the server is not known; give it as auth.public_key'],
    [/authentication failed|could not read username|permission denied/i, 'the server refused the credentials'],
    [/cannot run ssh|ssh: not found/i, 'this system has no ssh; add it to packages: of the bowl'],
    [/could(?:n't| not) resolve host/i, 'the name of the server cannot be resolved'],
    [/certificate/i, 'the certificate of the server is not valid'],
    [/couldn't find remote ref/i, 'the repository has no such branch'],
    [/not found|does not exist|not appear to be a git repository/i, 'there is no such repository'],
    [/dubious ownership/i, 'the work tree belongs to somebody else'],
    [/no space left/i, 'the disk is full'],
    [/unable to connect|failed to connect|connection refused|timed out/i, 'the server cannot be reached'],
  ];
  return meanings.find(([pattern]) => pattern.test(stderr))?.[1];
}
