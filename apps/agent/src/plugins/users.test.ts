import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { UserStep } from '@bowline/spec';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeTestMachine, type TestFiles, type TestMachine } from '../machine/test-machine.testdata.ts';
import type { Outcome } from './plugin.ts';
import { users } from './users.ts';

let test: TestMachine;
const own = String(process.getuid?.() ?? 0);
const isRoot = own === '0';

/** Debian as it comes, with nobody in it but root: numbers below are those of login.defs. */
const BASE: TestFiles = {
  '/etc/passwd': 'root:x:0:0:root:/root:/bin/sh\n',
  '/etc/group': 'root:x:0:\nshadow:x:42:\nadmin:x:117:\nusers:x:100:\n',
  '/etc/gshadow': 'root:*::\nshadow:*::\nadmin:!::\nusers:*::\n',
  '/etc/shadow': 'root:*:20000:0:99999:7:::\n',
  '/etc/login.defs': 'UID_MIN 1000\nUID_MAX 60000\nHOME_MODE 0700\n',
  '/bin/sh': '',
};
const KEY = `ssh-ed25519 ${Buffer.from([0, 0, 0, 11, ...Buffer.from('ssh-ed25519'), 0, 0, 0, 32, ...Array(32).fill(7)]).toString('base64')}`;

beforeEach(async () => {
  test = await makeTestMachine({ files: BASE });
});
afterEach(() => test.remove());

const text = (path: string) => readFile(join(test.root, path), 'utf8');
const line = async (path: string, name: string) => (await text(path)).split('\n').find((l) => l.startsWith(`${name}:`));

async function run(config: Record<string, UserStep>, machine = test.machine): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const action of users.actions(config, {})) outcomes.push(await action.run(machine));
  return outcomes;
}
/** Without a home, so that nothing must belong to somebody else than the user who runs the tests. */
const plain = (step: UserStep = {}): UserStep => ({ no_create_home: true, ...step });

describe('a new user', () => {
  it('gets the next free number, a group of its own and no password', async () => {
    expect(await run({ ada: plain() })).toEqual([{ changed: true }]);
    expect(await line('/etc/passwd', 'ada')).toBe('ada:x:1000:1000::/home/ada:/bin/sh');
    expect(await line('/etc/group', 'ada')).toBe('ada:x:1000:');
    expect(await line('/etc/gshadow', 'ada')).toBe('ada:!::');
    expect(await line('/etc/shadow', 'ada')).toMatch(/^ada:\*:\d+:0:99999:7:::$/);
  });

  it('is there already the second time, and not one byte changes', async () => {
    const config = { ada: plain({ passwd: 'secret', groups: ['admin'] }), bob: plain() };
    await run(config);
    const files = ['/etc/passwd', '/etc/group', '/etc/shadow', '/etc/gshadow', '/var/lib/bowline/identity.json'];
    const before = await Promise.all(files.map(text));
    expect(await run(config)).toEqual([{ changed: false }, { changed: false }]);
    expect(await Promise.all(files.map(text))).toEqual(before);
  });

  it('takes the number it is given', async () => {
    await run({ ada: plain({ uid: '4321' }) });
    expect(await line('/etc/passwd', 'ada')).toBe('ada:x:4321:4321::/home/ada:/bin/sh');
  });

  it('leaves a number that another user of the configuration is given', async () => {
    await run({ ada: plain(), bob: plain({ uid: '1000' }) });
    expect(await line('/etc/passwd', 'ada')).toContain(':1001:');
    expect(await line('/etc/passwd', 'bob')).toContain(':1000:');
  });

  it('gets the same number whatever the order of the map', async () => {
    await run({ zoe: plain(), ada: plain() });
    expect(await line('/etc/passwd', 'ada')).toContain(':1000:');
    expect(await line('/etc/passwd', 'zoe')).toContain(':1001:');
  });

  it('gets the number that it had at the last start, also when others came before it', async () => {
    await run({ zoe: plain() });
    for (const [path, content] of Object.entries(BASE)) await writeFile(join(test.root, path), content);
    await run({ ada: plain(), zoe: plain() });
    expect(await line('/etc/passwd', 'zoe')).toContain(':1000:1000:');
    expect(await line('/etc/passwd', 'ada')).toContain(':1001:1001:');
  });

  it('never gets the number of a name that is gone', async () => {
    await run({ zoe: plain() });
    for (const [path, content] of Object.entries(BASE)) await writeFile(join(test.root, path), content);
    await run({ ada: plain() });
    expect(await line('/etc/passwd', 'ada')).toContain(':1001:');
  });

  it('gets the number of the owner of its home folder', async (ctx) => {
    if (isRoot) {
      const { chown } = await import('node:fs/promises');
      await mkdir(join(test.root, '/home/ada'), { recursive: true });
      await chown(join(test.root, '/home/ada'), 1234, 1234);
      await run({ ada: {} });
      expect(await line('/etc/passwd', 'ada')).toContain(':1234:1234:');
    } else ctx.skip('needs root: the folder must belong to somebody else');
  });

  it('cannot have the number of somebody else', async () => {
    await expect(run({ ada: plain({ uid: '0' }) })).rejects.toMatchObject({
      code: 'ACCOUNT_INVALID',
      message: 'user ada cannot have the number 0: root has it',
    });
    expect(await line('/etc/passwd', 'ada')).toBeUndefined();
  });

  it('joins groups that are there, in both files', async () => {
    await run({ ada: plain({ groups: ['admin', 'users'] }), bob: plain({ groups: ['admin'] }) });
    expect(await line('/etc/group', 'admin')).toBe('admin:x:117:ada,bob');
    expect(await line('/etc/gshadow', 'admin')).toBe('admin:!::ada,bob');
    expect(await line('/etc/group', 'users')).toBe('users:x:100:ada');
  });

  it('joins a group that is missing: it is made, as a system group, and that is told', async () => {
    const [outcome] = await run({ ada: plain({ groups: ['docker'] }) });
    expect(await line('/etc/group', 'docker')).toBe('docker:x:999:ada');
    expect(outcome?.note).toBe('group docker was not there and was made');
  });

  it('has the primary group it is given', async () => {
    await run({ ada: plain({ primary_group: 'users' }) });
    expect(await line('/etc/passwd', 'ada')).toContain(':1000:100:');
    expect(await line('/etc/group', 'ada')).toBeUndefined();
  });

  it('has the group of all users with no_user_group', async () => {
    await run({ ada: plain({ no_user_group: true }) });
    expect(await line('/etc/passwd', 'ada')).toContain(':1000:100:');
    expect(await line('/etc/group', 'ada')).toBeUndefined();
  });

  it('is given the group of its name that exists', async () => {
    await run({ users: plain() });
    expect(await line('/etc/passwd', 'users')).toContain(':1000:100:');
  });

  it('has a low number and no home folder with system', async () => {
    await run({ app: { system: true } });
    expect(await line('/etc/passwd', 'app')).toBe('app:x:999:999::/home/app:/bin/sh');
    await expect(stat(join(test.root, '/home/app'))).rejects.toThrow('ENOENT');
  });

  it('has the comment, home and shell it is given', async () => {
    const [outcome] = await run({
      ada: plain({ gecos: 'Ada Lovelace, Ümlaut', homedir: '/srv/ada/', shell: '/bin/zsh' }),
    });
    expect(await line('/etc/passwd', 'ada')).toBe('ada:x:1000:1000:Ada Lovelace, Ümlaut:/srv/ada:/bin/zsh');
    expect(outcome?.note).toContain('the shell /bin/zsh of ada is not there');
  });

  it('has the home and shell of /etc/default/useradd', async () => {
    await writeFile(join(test.root, '/bin/bash'), '');
    await mkdir(join(test.root, '/etc/default'));
    await writeFile(join(test.root, '/etc/default/useradd'), '# defaults\nHOME=/data/home\nSHELL=/bin/bash\n');
    await run({ ada: plain() });
    expect(await line('/etc/passwd', 'ada')).toBe('ada:x:1000:1000::/data/home/ada:/bin/bash');
  });

  it('gets a range of subordinate ids where the system has such', async () => {
    await writeFile(join(test.root, '/etc/subuid'), '');
    await writeFile(join(test.root, '/etc/subgid'), 'other:165536:65536\n');
    await run({ ada: plain(), bob: plain() });
    expect(await text('/etc/subuid')).toBe('ada:100000:65536\nbob:165536:65536\n');
    expect(await text('/etc/subgid')).toBe('other:165536:65536\nada:100000:65536\nbob:231072:65536\n');
  });

  it('has a home folder with the files of the skeleton', async () => {
    await mkdir(join(test.root, '/etc/skel'));
    await writeFile(join(test.root, '/etc/skel/.profile'), 'umask 022\n');
    await writeFile(join(test.root, '/etc/passwd'), isRoot ? 'other:x:7:7::/:/bin/sh\n' : (BASE['/etc/passwd'] ?? ''));
    await run({ ada: { uid: own } });
    expect(await text('/home/ada/.profile')).toBe('umask 022\n');
    const home = await stat(join(test.root, '/home/ada'));
    expect([home.mode & 0o7777, home.uid]).toEqual([0o700, Number(own)]);
  });
});

describe('a user that exists', () => {
  it('gets a new password, and its aging stays', async () => {
    await writeFile(join(test.root, '/etc/shadow'), 'root:*:20000:3:60:5:2:30000:\n');
    await run({ root: { passwd: '$6$salt$hash' } });
    expect(await line('/etc/shadow', 'root')).toMatch(/^root:\$6\$salt\$hash:\d{5}:3:60:5:2:30000:$/);
  });

  it('keeps number, home, shell and groups, and the record says so', async () => {
    const [outcome] = await run({ root: { uid: '5', shell: '/bin/zsh', groups: ['admin'] } });
    expect(await line('/etc/passwd', 'root')).toBe('root:x:0:0:root:/root:/bin/sh');
    expect(await line('/etc/group', 'admin')).toBe('admin:x:117:');
    expect(outcome).toEqual({
      changed: false,
      note: 'root existed: only password and keys are set, not uid, shell, groups (admin)',
    });
  });

  it('keeps its password when none is configured', async () => {
    expect(await run({ root: {} })).toEqual([{ changed: false }]);
    expect(await line('/etc/shadow', 'root')).toBe('root:*:20000:0:99999:7:::');
  });

  it('is locked by lock_passwd, and again after somebody unlocked it', async () => {
    await run({ root: { lock_passwd: true } });
    expect(await line('/etc/shadow', 'root')).toMatch(/^root:!:/);
    await writeFile(join(test.root, '/etc/shadow'), 'root:$6$a$b:20000:0:99999:7:::\n');
    await run({ root: { lock_passwd: true } });
    expect(await line('/etc/shadow', 'root')).toMatch(/^root:!:/);
  });
});

describe('a user that needs attention', () => {
  it('is locked and has keys, which sshd without PAM refuses', async () => {
    const [action] = users.actions({ root: { lock_passwd: true, ssh_authorized_keys: [KEY] } }, {});
    await mkdir(join(test.root, '/root'));
    if (isRoot) expect((await action?.run(test.machine))?.note).toContain('sshd has no PAM here');
  });

  it('is a system account with keys: it has a home folder for them', async (ctx) => {
    if (!isRoot) return ctx.skip('needs root: the folder belongs to another user');
    await run({ app: { system: true, ssh_authorized_keys: [KEY] } });
    expect(await text('/home/app/.ssh/authorized_keys')).toBe(`${KEY}\n`);
  });
});

describe('a password', () => {
  it.each(['$y$j9T$abc$def', '$6$s$h', '$5$s$h', '$2b$12$abcdefghijklmnopqrstuv', '$1$s$h', '!', '*', '!$6$s$h'])(
    'that is a crypt hash is taken as it is: %s',
    async (passwd) => {
      await run({ ada: plain({ passwd }) });
      expect((await line('/etc/shadow', 'ada'))?.split(':')[1]).toBe(passwd);
    },
  );

  it('in plain text becomes a SHA-512 hash, always the same one, and stands nowhere', async () => {
    await run({ ada: plain({ passwd: 'correct horse' }) });
    const hash = (await line('/etc/shadow', 'ada'))?.split(':')[1] ?? '';
    expect(hash).toMatch(/^\$6\$[./A-Za-z0-9]{16}\$[./A-Za-z0-9]{86}$/);
    for (const [path, content] of Object.entries(BASE)) await writeFile(join(test.root, path), content);
    await run({ ada: plain({ passwd: 'correct horse' }) });
    expect((await line('/etc/shadow', 'ada'))?.split(':')[1]).toBe(hash);
    for (const path of ['/var/lib/bowline/passwords.json', '/var/lib/bowline/identity.json', '/etc/shadow']) {
      expect(await text(path)).not.toContain('correct horse');
    }
    expect(users.actions({ ada: { passwd: 'correct horse' } }, {})[0]?.summary).toBe(
      'ensure user ada (with a password)',
    );
  });

  it('that is empty is none: nobody logs in without one', async () => {
    await run({ ada: plain({ passwd: '' }) });
    expect((await line('/etc/shadow', 'ada'))?.split(':')[1]).toBe('*');
  });

  it.each(['$6$a:b$c', '$6$a$b\nroot::0', '$6$a b$c'])(
    'that would break shadow(5) is refused and not shown: %j',
    async (passwd) => {
      const error = await run({ ada: plain({ passwd }) }).catch((e: unknown) => e);
      expect(error).toMatchObject({ code: 'ACCOUNT_INVALID' });
      expect(JSON.stringify(error)).not.toContain(passwd);
      expect(await line('/etc/shadow', 'ada')).toBeUndefined();
    },
  );
});

describe('a wrong entry', () => {
  it.each<[string, Record<string, UserStep>]>([
    ['a gecos with a colon', { ada: { gecos: 'a:b' } }],
    ['a gecos with a line end', { ada: { gecos: 'a\nroot2:x:0:0::/:/bin/sh' } }],
    ['a shell with a line end', { ada: { shell: '/bin/sh\nx' } }],
    ['a relative home', { ada: { homedir: 'home/ada' } }],
    ['a home that climbs', { ada: { homedir: '/home/../etc' } }],
    ['a uid that is no number', { ada: { uid: 'abc' } }],
    ['a uid beyond all numbers', { ada: { uid: '4294967295' } }],
    ['a negative uid', { ada: { uid: '-1' } }],
    ['a name with a colon', { 'a:b': {} }],
    ['a name with a slash', { '../ada': {} }],
    ['a name that is a number', { '1000': {} }],
    ['a name like an option', { '-r': {} }],
    ['an empty name', { '': {} }],
    ['a name of 33 characters', { ['a'.repeat(33)]: {} }],
    ['a group with a comma', { ada: { groups: ['a,b'] } }],
    ['a primary group with a line end', { ada: { primary_group: 'a\nb' } }],
  ])('changes nothing: %s', async (_what, config) => {
    const before = await text('/etc/passwd');
    await expect(run(config)).rejects.toMatchObject({ code: 'ACCOUNT_INVALID' });
    expect(await text('/etc/passwd')).toBe(before);
  });

  it('stops no other user', async () => {
    const actions = users.actions({ ada: { gecos: 'a:b' }, bob: plain() }, {});
    await expect(actions[0]?.run(test.machine)).rejects.toThrow('gecos of user ada holds a colon');
    expect(await actions[1]?.run(test.machine)).toMatchObject({ changed: true });
  });
});

describe('SSH keys of a user', () => {
  let server: Server;
  let answer: { status: number; body: string };
  beforeEach(async () => {
    answer = { status: 200, body: `${KEY} ada@one\n` };
    server = createServer((_request, response) => response.writeHead(answer.status).end(answer.body));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    await test.remove();
    const files = {
      ...BASE,
      '/etc/passwd': `root:x:0:0:root:/root:/bin/sh\nself:x:${own}:${process.getgid?.() ?? 0}::/home/self:/bin/sh\n`,
    };
    const port = (server.address() as AddressInfo).port;
    const local: typeof fetch = (input, init) =>
      fetch(new Request(input).url.replace(/^https:\/\/(github|gitlab)\.com/, `http://127.0.0.1:${port}/$1`), init);
    test = await makeTestMachine({ files, host: { fetch: local } });
    await mkdir(join(test.root, '/home/self'), { recursive: true });
  });
  afterEach(() => server.close());

  it.each(['github:ada', 'gitlab:ada'])('come from %s', async (source) => {
    await run({ self: { ssh_authorized_keys: [source] } });
    expect(await text('/home/self/.ssh/authorized_keys')).toBe(`${KEY} ada@one\n`);
  });

  it('stay when their source is down, and the step says so', async () => {
    await run({ self: { ssh_authorized_keys: ['github:ada'] } });
    answer = { status: 404, body: '' };
    await expect(run({ self: { ssh_authorized_keys: ['github:ada'] } })).rejects.toMatchObject({ code: 'STEP_FAILED' });
    expect(await text('/home/self/.ssh/authorized_keys')).toBe(`${KEY} ada@one\n`);
  });

  it('that can be had are added although another source is down', async () => {
    answer = { status: 404, body: '' };
    await expect(run({ self: { ssh_authorized_keys: ['github:ada', `${KEY} two`] } })).rejects.toThrow(
      'not all SSH keys',
    );
    expect(await text('/home/self/.ssh/authorized_keys')).toBe(`${KEY} two\n`);
  });

  it('are no error page', async () => {
    answer = { status: 200, body: '<html>Not found</html>' };
    await expect(run({ self: { ssh_authorized_keys: ['github:ada'] } })).rejects.toThrow('is no list of SSH keys');
    await expect(stat(join(test.root, '/home/self/.ssh'))).rejects.toThrow('ENOENT');
  });
});
