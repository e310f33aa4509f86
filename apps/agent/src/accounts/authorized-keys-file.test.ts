import { chmod, link, lstat, mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeTestMachine, type TestMachine } from '../machine/test-machine.testdata.ts';
import { authorizeKeys } from './authorized-keys-file.ts';
import { parseAuthorizedKey } from './ssh-key.ts';

const key = (seed: number, comment = '') => {
  const body = Buffer.from([0, 0, 0, 11, ...Buffer.from('ssh-ed25519'), 0, 0, 0, 32, ...Array<number>(32).fill(seed)]);
  return `ssh-ed25519 ${body.toString('base64')}${comment}`;
};
const parsed = (...lines: string[]) => lines.flatMap((line) => parseAuthorizedKey(line) ?? []);
const user = { name: 'self', uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0, home: '/home/self' };

let test: TestMachine;
beforeEach(async () => {
  test = await makeTestMachine({ files: { '/secret': 'secret\n' } });
  await mkdir(at('/home/self'), { recursive: true });
});
afterEach(() => test.remove());
const at = (path: string) => join(test.root, path);
const FILE = '/home/self/.ssh/authorized_keys';

describe('keys of a user', () => {
  it('stand in a private file in a private folder', async () => {
    expect(await authorizeKeys(test.machine, user, parsed(key(1, ' ada')))).toBe(true);
    expect(await readFile(at(FILE), 'utf8')).toBe(`${key(1)} ada\n`);
    expect((await stat(at(FILE))).mode & 0o7777).toBe(0o600);
    expect((await stat(at('/home/self/.ssh'))).mode & 0o7777).toBe(0o700);
    expect(await readdir(at('/home/self/.ssh'))).toEqual(['authorized_keys']);
  });

  it('are there once, whatever their comment and options', async () => {
    await authorizeKeys(test.machine, user, parsed(key(1, ' one')));
    expect(await authorizeKeys(test.machine, user, parsed(`no-pty ${key(1, ' two')}`))).toBe(false);
    expect(await readFile(at(FILE), 'utf8')).toBe(`${key(1)} one\n`);
  });

  it('come behind those that are there, which stay as they are', async () => {
    await mkdir(at('/home/self/.ssh'));
    await writeFile(at(FILE), `# mine\nfrom="10.0.0.1" ${key(1)}`, { mode: 0o600 });
    await authorizeKeys(test.machine, user, parsed(key(1), key(2), key(2)));
    expect(await readFile(at(FILE), 'utf8')).toBe(`# mine\nfrom="10.0.0.1" ${key(1)}\n${key(2)}\n`);
  });

  it('are put right when others could write them', async () => {
    await authorizeKeys(test.machine, user, parsed(key(1)));
    await chmod(at(FILE), 0o666);
    await chmod(at('/home/self/.ssh'), 0o777);
    expect(await authorizeKeys(test.machine, user, parsed(key(1)))).toBe(true);
    expect((await stat(at(FILE))).mode & 0o7777).toBe(0o600);
    expect((await stat(at('/home/self/.ssh'))).mode & 0o7777).toBe(0o700);
  });

  it('are found through a home folder that the system links elsewhere', async () => {
    await mkdir(at('/var/home/other'), { recursive: true });
    await symlink('/var/home/other', at('/home/linked'));
    await authorizeKeys(test.machine, { ...user, home: '/home/linked' }, parsed(key(1)));
    expect(await readFile(at('/var/home/other/.ssh/authorized_keys'), 'utf8')).toContain(key(1));
  });

  it('need a home folder', async () => {
    await expect(authorizeKeys(test.machine, { ...user, home: '/home/none' }, parsed(key(1)))).rejects.toThrow(
      '/home/none does not exist',
    );
  });
});

describe('a trap in the home folder', () => {
  it.each<[what: string, plant: () => Promise<void>, message: RegExp]>([
    ['.ssh is a link', () => symlink('/', at('/home/self/.ssh')), /symbolic link/],
    ['.ssh is a file', () => writeFile(at('/home/self/.ssh'), 'x'), /is no folder/],
    [
      'the file is a link',
      async () => {
        await mkdir(at('/home/self/.ssh'));
        await symlink(at('/secret'), at(FILE));
      },
      /symbolic link/,
    ],
    [
      'the file is another name of a file elsewhere',
      async () => {
        await mkdir(at('/home/self/.ssh'));
        await link(at('/secret'), at(FILE));
      },
      /belongs to somebody else/,
    ],
    ['the file is a folder', () => mkdir(at(FILE), { recursive: true }).then(() => undefined), /is no file/],
  ])('is not walked into: %s', async (_what, plant, message) => {
    await plant();
    await expect(authorizeKeys(test.machine, user, parsed(key(1)))).rejects.toMatchObject({
      code: 'STEP_FAILED',
      message: expect.stringMatching(message),
    });
    expect(await readFile(at('/secret'), 'utf8')).toBe('secret\n');
  });

  it('is a link that the user made on the way', async (ctx) => {
    if (user.uid !== 0) return ctx.skip('needs root: the link must belong to somebody else');
    const { chown, lchown } = await import('node:fs/promises');
    await chown(at('/home/self'), 1000, 1000);
    await mkdir(at('/etc/target'));
    await symlink('/etc/target', at('/home/self/sub'));
    await lchown(at('/home/self/sub'), 1000, 1000);
    const victim = { ...user, uid: 1000, gid: 1000, home: '/home/self/sub' };
    await expect(authorizeKeys(test.machine, victim, parsed(key(1)))).rejects.toThrow('a symbolic link that the user');
    expect(await readdir(at('/etc/target'))).toEqual([]);
  });

  it("is somebody else's folder", async (ctx) => {
    if (user.uid !== 0) return ctx.skip('needs root: the folder must belong to somebody else');
    const { chown } = await import('node:fs/promises');
    await chown(at('/home/self'), 1001, 1001);
    const victim = { ...user, uid: 1000, gid: 1000 };
    await expect(authorizeKeys(test.machine, victim, parsed(key(1)))).rejects.toThrow('belongs to somebody else');
    await expect(lstat(at('/home/self/.ssh'))).rejects.toThrow('ENOENT');
  });

  it("never gives root's own file away: what is made is the user's", async (ctx) => {
    if (user.uid !== 0) return ctx.skip('needs root');
    const { chown } = await import('node:fs/promises');
    await chown(at('/home/self'), 1000, 1000);
    await authorizeKeys(test.machine, { ...user, uid: 1000, gid: 1000 }, parsed(key(1)));
    expect((await stat(at(FILE))).uid).toBe(1000);
    expect((await stat(at('/home/self/.ssh'))).uid).toBe(1000);
  });
});

describe('a line of authorized_keys', () => {
  it.each([
    ['a comment', '# ssh-ed25519'],
    ['nothing', '  '],
    ['a type without data', 'ssh-ed25519'],
    ['data of another type', `ssh-rsa ${key(1).split(' ')[1]}`],
    ['an unknown type', 'ssh-foo AAAAB3NzaC1yc2EAAAADAQAB'],
    ['two lines', `${key(1)}\n${key(2)}`],
    ['a private key', '-----BEGIN OPENSSH PRIVATE KEY-----'],
    ['data that is cut off', 'ssh-ed25519 AAAA...'],
  ])('is no key: %s', (_what, line) => {
    expect(parseAuthorizedKey(line)).toBeUndefined();
  });

  it('may have options with spaces in quotes', () => {
    const line = `command="echo \\"a b\\"",no-pty ${key(1)} ada@home office`;
    expect(parseAuthorizedKey(line)).toEqual({ line, material: key(1) });
  });
});
