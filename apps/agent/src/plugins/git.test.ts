import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join, normalize } from 'node:path';
import { missingNeeds, NodeProcesses } from '@bowline/host';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { gitAccess, knownHost } from '../git-access/git-access.ts';
import { makeTestMachine, type TestMachine } from '../machine/test-machine.testdata.ts';
import { git } from './git.ts';
import { addProgram, fileText, runPlugin, runTwice, summariesOf } from './run-plugin.testdata.ts';

const hasGit = (await missingNeeds([{ title: 'git', anyOf: ['git'], debianPackages: ['git'] }])).length === 0;
let test: TestMachine;
let origin: string;
let server: Server | undefined;

const AUTHOR = ['-c', 'user.name=Ada', '-c', 'user.email=ada@example.com', '-c', 'init.defaultBranch=master'];
const run = (...args: string[]) => new NodeProcesses().run({ argv: ['git', ...AUTHOR, ...args], timeoutMs: 20_000 });

async function commitFile(name: string, text: string): Promise<void> {
  await writeFile(join(origin, name), text);
  await run('-C', origin, 'add', '-A');
  await run('-C', origin, 'commit', '-q', '-m', 'x');
}

beforeEach(async (ctx) => {
  test = await makeTestMachine();
  origin = join(test.root, 'origin');
  if (!hasGit) ctx.skip('no git on this machine');
  await addProgram(test, 'git', 'exec git "$@"');
  await run('init', '-q', origin);
  await commitFile('app', 'one');
  await run('-C', origin, 'branch', 'main');
});
afterEach(async () => {
  server?.closeAllConnections();
  server?.close();
  server = undefined;
  await test.remove();
});

/** The repository over plain files, for who knows the password. */
async function serveWithPassword(): Promise<string> {
  await run('-C', origin, 'update-server-info');
  const login = `Basic ${Buffer.from('deploy:geheim').toString('base64')}`;
  const started = createServer((request, response) => {
    if (request.headers.authorization !== login) {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="git"' }).end();
      return;
    }
    const path = normalize(new URL(request.url ?? '/', 'http://x').pathname).replace('/repo.git', '/.git');
    readFile(join(origin, path)).then(
      (bytes) => response.end(bytes),
      () => response.writeHead(404).end(),
    );
  });
  server = started;
  await new Promise<void>((resolve) => started.listen(0, '127.0.0.1', () => resolve()));
  return `127.0.0.1:${(started.address() as AddressInfo).port}/repo.git`;
}

describe('git', () => {
  it('makes a work tree of master, once', async () => {
    expect(await runTwice(test, git, { url: `file://${origin}`, path: '/opt/app' })).toEqual([true, false]);
    expect(await fileText(test, '/opt/app/app')).toBe('one');
  });

  it('follows its branch, and drops what was changed here', async () => {
    const config = { url: origin, path: '/opt/app' };
    await runPlugin(test, git, config);
    await commitFile('app', 'two');
    await writeFile(join(test.root, '/opt/app/app'), 'mine');
    await writeFile(join(test.root, '/opt/app/untracked'), 'stays');
    expect(await runTwice(test, git, config)).toEqual([true, false]);
    expect(await fileText(test, '/opt/app/app')).toBe('two');
    expect(await fileText(test, '/opt/app/untracked')).toBe('stays');
  });

  it('follows a history that was written anew, and another branch', async () => {
    await runPlugin(test, git, { url: origin, path: '/opt/app' });
    await run('-C', origin, 'commit', '-q', '--amend', '-m', 'again');
    expect(await runTwice(test, git, { url: origin, path: '/opt/app' })).toEqual([true, false]);
    await run('-C', origin, 'checkout', '-q', 'main');
    await commitFile('app', 'of main');
    await runPlugin(test, git, { url: origin, path: '/opt/app', branch: 'main' });
    expect(await fileText(test, '/opt/app/app')).toBe('of main');
  });

  it('fetches one branch only when told', async () => {
    await runPlugin(test, git, { url: origin, path: '/opt/app', branch: 'main', branch_only: true });
    expect(await readdir(join(test.root, '/opt/app/.git/refs/remotes/origin'))).toEqual(['main']);
  });

  it('goes on where a loss of power ended it', async () => {
    await mkdir(join(test.root, '/opt'));
    await run('init', '-q', join(test.root, '/opt/app'));
    expect(await runTwice(test, git, { url: origin, path: '/opt/app' })).toEqual([true, false]);
    expect(await fileText(test, '/opt/app/app')).toBe('one');
  });

  it.each<[what: string, url: (address: string) => string, auth: object | undefined]>([
    ['auth', (address) => `http://${address}`, { username: 'deploy', password: 'geheim' }],
    ['the address', (address) => `http://deploy:geheim@${address}`, undefined],
  ])('logs in with %s, and leaves no trace of the password', async (_what, url, auth) => {
    const config = { url: url(await serveWithPassword()), path: '/opt/app', ...(auth ? { auth } : {}) };
    expect(await runTwice(test, git, config)).toEqual([true, false]);
    expect(await fileText(test, '/opt/app/app')).toBe('one');
    expect(await fileText(test, '/opt/app/.git/config')).not.toContain('geheim');
    expect(await readdir(join(test.root, '/run/bowline'))).toEqual([]);
    expect(summariesOf(git, config).join('\n')).not.toContain('geheim');
  });

  it('says that a password was refused, without it', async () => {
    const url = `http://deploy:falsch@${await serveWithPassword()}`;
    const error = await runPlugin(test, git, { url, path: '/opt/app' }).catch((e: unknown) => e);
    expect(String(error)).toMatch(/git fetch failed with exit code 128: the server refused the credentials/);
    expect(JSON.stringify([error, String(error)])).not.toContain('falsch');
    expect(await readdir(join(test.root, '/run/bowline'))).toEqual([]);
  });

  it('never touches a folder with files of somebody else', async () => {
    await mkdir(join(test.root, '/opt'));
    await writeFile(join(test.root, '/opt/app'), 'mine');
    await expect(runPlugin(test, git, { url: origin, path: '/opt' })).rejects.toThrow(/of no repository/);
    await expect(runPlugin(test, git, { url: origin, path: '/opt/app' })).rejects.toThrow(/is no folder/);
  });

  it.each<[what: string, config: object, message: RegExp]>([
    ['a branch that is not there', { branch: 'nope' }, /has no branch nope/],
    ['a repository that is not there', { url: '/nowhere' }, /no such repository/],
  ])('says what is wrong with %s', async (_what, config, message) => {
    await expect(runPlugin(test, git, { url: origin, path: '/opt/app', ...config })).rejects.toThrow(message);
  });

  it.each([{ url: '--upload-pack=x' }, { url: 'a b' }, { branch: '--x' }, { branch: 'a..b' }, { branch: 'a b' }])(
    'refuses %j',
    (config) => {
      expect(() => summariesOf(git, { url: origin, path: '/opt', ...config })).toThrow(/git:/);
    },
  );

  it('needs git', async () => {
    await rm(join(test.root, '/usr/bin/git'));
    await expect(runPlugin(test, git, { url: origin, path: '/opt/app' })).rejects.toMatchObject({
      code: 'PROGRAM_MISSING',
      hint: 'Add the package that has git to packages: of the bowl.',
    });
  });

  it('gives ssh the key in a private file, and the key of the server', async () => {
    const auth = { private_key: 'KEY\r\n', public_key: 'ssh-ed25519 AAAA' };
    const { url, env } = await gitAccess({ url: 'git@example.com:app.git', path: '/x', auth }, test.root);
    expect(url).toBe('git@example.com:app.git');
    expect(await fileText(test, '/key')).toBe('KEY\n');
    expect(await fileText(test, '/known_hosts')).toBe('example.com ssh-ed25519 AAAA\n');
    expect(env['GIT_SSH_COMMAND']).toContain("'StrictHostKeyChecking=yes'");
  });

  it.each([
    ['ssh-rsa A', 'ssh://git@example.com:2222/app.git', '[example.com]:2222 ssh-rsa A'],
    ['ssh-rsa A', 'ssh://example.com/app.git', 'example.com ssh-rsa A'],
    ['ssh-rsa A', 'git@[2001:db8::1]:app.git', '2001:db8::1 ssh-rsa A'],
    ['example.com ssh-rsa A', 'git@example.com:app.git', 'example.com ssh-rsa A'],
  ])('takes the server key %j of %s as %j', (key, url, line) => {
    expect(knownHost(key, url)).toBe(line);
  });
});
