import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { nodeHost } from '@bowline/host';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { restoreIdentity } from '../accounts/restore.ts';
import { scanOwners } from '../accounts/scan-owners.ts';
import { runAgent } from '../agent.ts';
import { makeTestMachine, type TestMachine } from '../machine/test-machine.testdata.ts';

let test: TestMachine;
const uid = process.getuid?.() ?? 0;
const gid = process.getgid?.() ?? 0;
beforeEach(async () => {
  test = await makeTestMachine({
    files: { '/etc/passwd': `self:x:${uid}:${gid}::/:/bin/sh\n`, '/etc/group': `self:x:${gid}:\n` },
  });
  await mkdir(join(test.root, '/home/self'), { recursive: true });
  await writeFile(join(test.root, '/home/self/file'), 'x');
  await restoreIdentity(test.machine);
});
afterEach(() => test.remove());

async function agent(...argv: string[]) {
  let stdout = '';
  let stderr = '';
  const exitCode = await runAgent(argv, {
    host: async () => nodeHost(),
    cwd: test.root,
    version: '0.0.0',
    root: test.root,
    signal: new AbortController().signal,
    stdout: async (text) => void (stdout += text),
    stderr: async (text) => void (stderr += text),
  });
  return { exitCode, stdout, stderr };
}

describe('identity check', () => {
  it('lets an image pass that means the same people', async () => {
    const run = await agent('identity', 'check', '--passwd', 'etc/passwd', '--group', 'etc/group');
    expect(run).toMatchObject({ exitCode: 0, stderr: '' });
    expect(run.stdout).toContain('no conflicts');
  });

  it('refuses one that moves the owner of files, with the list', async () => {
    await writeFile(join(test.root, 'other'), 'self:x:4000:4000::/:/bin/sh\n');
    const run = await agent('identity', 'check', '--passwd', 'other', '--group', 'etc/group');
    expect(run.exitCode).toBe(1);
    expect(run.stderr).toContain(`user self: ${uid} here, 4000 in the image`);
    const json = await agent('identity', 'check', '--passwd', 'other', '--group', 'etc/group', '--json');
    expect(JSON.parse(json.stdout)).toMatchObject({
      error: { code: 'IDENTITY_CONFLICT', details: { conflicts: [{ name: 'self', id: uid, there: '4000' }] } },
    });
  });

  it('needs files that are there', async () => {
    const run = await agent('identity', 'check', '--passwd', 'none', '--group', 'etc/group');
    expect(run).toMatchObject({ exitCode: 2, stdout: '' });
  });
});

describe('passwords save', () => {
  it('says what it keeps', async () => {
    expect(await agent('passwords', 'save')).toMatchObject({ exitCode: 0, stderr: '' });
    const json = await agent('passwords', 'save', '--json');
    expect(JSON.parse(json.stdout)).toEqual({ kept: [], forgotten: [] });
  });
});

describe('the search for owners', () => {
  it('finds those of files, and leaves links alone', async () => {
    const scan = await scanOwners([join(test.root, 'home'), join(test.root, 'none')]);
    expect(scan).toEqual({ uids: new Set([uid]), gids: new Set([gid]), files: 3, complete: true });
  });

  it('says when it did not see all', async () => {
    expect(await scanOwners([test.root], { maxFiles: 2 })).toMatchObject({ complete: false });
  });
});
