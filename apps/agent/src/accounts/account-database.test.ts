import { chmod, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { nodeHost } from '@bowline/host';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeTestMachine, type TestMachine } from '../machine/test-machine.testdata.ts';
import { editAccounts } from './account-database.ts';
import { withAccountLock } from './account-lock.ts';

let test: TestMachine;
beforeEach(async () => {
  test = await makeTestMachine();
});
afterEach(() => test.remove());
const at = (path: string) => join(test.root, path);
const group = (name: string, gid: number) => ({ name, password: 'x', gid, members: [] });

describe('an edit of the account files', () => {
  it('keeps mode and owner, and leaves nothing beside them', async () => {
    await chmod(at('/etc/group'), 0o640);
    await editAccounts(test.machine, (accounts) => accounts.group.put(group('app', 900)));
    expect((await stat(at('/etc/group'))).mode & 0o7777).toBe(0o640);
    expect((await readdir(at('/etc'))).toSorted()).toEqual(['group', 'os-release', 'passwd', 'shadow']);
  });

  it('keeps the group that may read shadow', async (ctx) => {
    if (process.getuid?.() !== 0) return ctx.skip('needs root: the file must belong to another group');
    const { chown } = await import('node:fs/promises');
    await chown(at('/etc/shadow'), 0, 42);
    await chmod(at('/etc/shadow'), 0o640);
    await editAccounts(test.machine, ({ shadow }) => {
      const root = shadow.find('root');
      if (root) shadow.put({ ...root, hash: '!' });
    });
    const { gid, mode } = await stat(at('/etc/shadow'));
    expect([gid, mode & 0o7777]).toEqual([42, 0o640]);
  });

  it('touches only files that change', async () => {
    const before = await stat(at('/etc/passwd'), { bigint: true });
    const { changed } = await editAccounts(test.machine, (accounts) => accounts.group.put(group('app', 900)));
    expect(changed).toBe(true);
    expect((await stat(at('/etc/passwd'), { bigint: true })).ino).toBe(before.ino);
    expect((await editAccounts(test.machine, () => undefined)).changed).toBe(false);
  });

  it('makes a private shadow where there is none', async () => {
    await rm(at('/etc/shadow'));
    const days = { lastChange: '', minimum: '', maximum: '', warning: '', inactive: '', expires: '', reserved: '' };
    await editAccounts(test.machine, ({ shadow }) => shadow.put({ name: 'root', hash: '*', ...days }));
    expect((await stat(at('/etc/shadow'))).mode & 0o7777).toBe(0o600);
  });

  it('loses nothing when many happen at once', async () => {
    const numbers = Array.from({ length: 12 }, (_, index) => 900 + index);
    await Promise.all(
      numbers.map((gid) => editAccounts(test.machine, (accounts) => accounts.group.put(group(`g${gid}`, gid)))),
    );
    const text = await readFile(at('/etc/group'), 'utf8');
    for (const gid of numbers) expect(text).toContain(`g${gid}:x:${gid}:\n`);
  });

  it('starts over when somebody without the lock was faster', async () => {
    let count = 0;
    await editAccounts(test.machine, async (accounts) => {
      count += 1;
      if (count === 1) await writeFile(at('/etc/group'), 'root:x:0:\nother:x:5:\n');
      accounts.group.put(group('app', 900));
    });
    expect(count).toBe(2);
    expect(await readFile(at('/etc/group'), 'utf8')).toBe('root:x:0:\nother:x:5:\napp:x:900:\n');
  });

  it('changes nothing when it fails', async () => {
    const before = await readFile(at('/etc/group'), 'utf8');
    await expect(
      editAccounts(test.machine, (accounts) => {
        accounts.group.put(group('app', 900));
        throw new Error('no');
      }),
    ).rejects.toThrow('no');
    expect(await readFile(at('/etc/group'), 'utf8')).toBe(before);
    expect((await readdir(at('/etc'))).filter((name) => name.includes('lock'))).toEqual([]);
  });
});

describe('the lock', () => {
  it('of a process that is gone is taken over', async () => {
    await writeFile(at('/etc/group.lock'), '4194303\0');
    await editAccounts(test.machine, (accounts) => accounts.group.put(group('app', 900)));
    expect(await readFile(at('/etc/group'), 'utf8')).toContain('app');
  });

  it('of a process that lives is waited for', async () => {
    await writeFile(at('/etc/group.lock'), `${process.ppid}\0`);
    let isFree = false;
    const edit = withAccountLock(test.machine, '/etc/group', async () => isFree);
    setTimeout(() => {
      isFree = true;
      void rm(at('/etc/group.lock'));
    }, 250);
    expect(await edit).toBe(true);
  });

  it('ends with the step', async () => {
    await writeFile(at('/etc/group.lock'), `${process.ppid}\0`);
    const stopped = await makeTestMachine({ signal: AbortSignal.timeout(150) });
    await writeFile(join(stopped.root, '/etc/group.lock'), `${process.ppid}\0`);
    await expect(withAccountLock(stopped.machine, '/etc/group', async () => 1)).rejects.toThrow(/abort/i);
    await stopped.remove();
  });

  it('keeps groupadd out, as ours is kept out by it', async (ctx) => {
    if (process.getuid?.() !== 0) return ctx.skip('needs root');
    const { processes } = nodeHost();
    const add = (name: string) =>
      processes.run({ argv: ['/usr/sbin/groupadd', '--prefix', test.root, name], timeoutMs: 30_000 });
    const works = await add('probe').catch(() => undefined);
    if (works === undefined) return ctx.skip('groupadd with --prefix is not there');
    let added: Promise<unknown> = Promise.resolve();
    await withAccountLock(test.machine, '/etc/group', async () => {
      added = add('other');
      await new Promise((resolve) => setTimeout(resolve, 500));
      expect(await readFile(at('/etc/group'), 'utf8')).not.toContain('other');
    });
    // It tries again every second.
    await added;
    expect(await readFile(at('/etc/group'), 'utf8')).toContain('other');
  }, 60_000);
});
