import { chmod, cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { nodeHost } from '@bowline/host';
import type { UserStep } from '@bowline/spec';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeTestMachine, type TestMachine } from '../machine/test-machine.testdata.ts';
import { users } from '../plugins/users.ts';

const FILES = {
  '/etc/passwd': 'root:x:0:0:root:/root:/bin/sh\n',
  '/etc/group': 'root:x:0:\nadmin:x:117:\n',
  '/etc/gshadow': 'root:*::\nadmin:!::\n',
  '/etc/shadow': 'root:*:20000:0:99999:7:::\n',
  '/etc/subuid': '',
  '/etc/subgid': '',
  '/etc/login.defs':
    'USERGROUPS_ENAB yes\nPASS_MIN_DAYS 0\nUID_MIN 1000\nHOME_MODE 0750\nPASS_MAX_DAYS 90\nPASS_WARN_AGE 5\nSUB_UID_COUNT 1000\nSUB_GID_COUNT 1000\n',
  '/etc/default/useradd': 'SHELL=/bin/sh\n',
  '/etc/skel/.profile': 'umask 022\n',
  '/bin/sh': '',
};
const EDITED = ['/etc/passwd', '/etc/group', '/etc/gshadow', '/etc/shadow', '/etc/subuid', '/etc/subgid'];

let test: TestMachine;
beforeEach(async () => {
  test = await makeTestMachine({ files: FILES });
});
afterEach(() => test.remove());

const read = (root: string) => Promise.all(EDITED.map((path) => readFile(join(root, path), 'utf8')));
async function run(config: Record<string, UserStep>): Promise<string[]> {
  const notes: string[] = [];
  for (const action of users.actions(config, {})) notes.push((await action.run(test.machine)).note ?? '');
  return notes;
}

describe('what becomes of the files', () => {
  it('is what useradd makes of them', async (ctx) => {
    if (process.getuid?.() !== 0) return ctx.skip('needs root: useradd gives folders away');
    const other = await makeTestMachine({ files: FILES });
    try {
      const skeleton = ['-k', join(other.root, '/etc/skel')];
      const useradd = (...argv: string[]) =>
        nodeHost().processes.run({
          argv: ['useradd', '--prefix', other.root, ...argv],
          timeoutMs: 30_000,
        });
      const works = await useradd('-m', ...skeleton, '-c', 'Ada', '-G', 'admin', 'ada').catch(() => undefined);
      if (works === undefined) return ctx.skip('useradd with --prefix is not there');
      await useradd('-m', ...skeleton, '-u', '1500', 'bob');
      // It takes the number after the highest; ours is the lowest that is free and was nobody else's.
      await useradd('-M', '-u', '1001', '-g', 'admin', 'eve');
      await run({ ada: { gecos: 'Ada', groups: ['admin'] }, bob: { uid: '1500' } });
      await run({ eve: { primary_group: 'admin', no_create_home: true } });
      // useradd locks a new user; ours has no password, which lets sshd take keys where there is no PAM.
      const theirs = (await read(other.root)).map((text) => text.replaceAll(':!:2', ':*:2'));
      const ours = await read(test.root);
      // Ranges of useradd follow each other; ours follow from the number of the user, so that they never move.
      expect(ours.slice(0, 4)).toEqual(theirs.slice(0, 4));
      expect(ours[4]?.split('\n').length).toBe(theirs[4]?.split('\n').length);
      const { processes } = nodeHost();
      const listed = async (root: string) =>
        new TextDecoder().decode(
          (await processes.run({ argv: ['find', 'home', '-printf', '%p %U %G %m\\n'], cwd: root, timeoutMs: 5000 }))
            .stdout,
        );
      expect((await listed(test.root)).split('\n').toSorted()).toEqual(
        (await listed(other.root)).split('\n').toSorted(),
      );
    } finally {
      await other.remove();
    }
  });

  it('is the same when the agent was killed on the way, wherever that was', async () => {
    const config = { ada: { passwd: '$6$a$b', groups: ['admin'] }, bob: { groups: ['docker'] } };
    const own = String(process.getuid?.() ?? 0);
    const steps: Record<string, UserStep> =
      own === '0'
        ? config
        : { ada: { ...config.ada, no_create_home: true }, bob: { ...config.bob, no_create_home: true } };
    const script = join(test.root, 'run.ts');
    const url = (path: string) => JSON.stringify(fileURLToPath(new URL(path, import.meta.url)));
    await writeFile(
      script,
      `import { nodeHost } from ${JSON.stringify(fileURLToPath(import.meta.resolve('@bowline/host')))};
       import { NodeMachine } from ${url('../machine/node-machine.ts')};
       import { users } from ${url('../plugins/users.ts')};
       const machine = new NodeMachine({ host: nodeHost(), root: process.argv[2] });
       console.log('ready');
       for (const action of users.actions(${JSON.stringify(steps)}, {})) await action.run(machine);`,
    );
    await run(steps);
    const expected = await read(test.root);
    for (const delay of [0, 4, 8, 12, 18, 26, 36]) {
      await rm(join(test.root, 'home'), { recursive: true, force: true });
      await rm(join(test.root, 'var'), { recursive: true, force: true });
      await rm(join(test.root, 'run'), { recursive: true, force: true });
      for (const [path, text] of Object.entries(FILES)) await writeFile(join(test.root, path), text);
      const child = nodeHost().processes.spawn({ argv: [process.execPath, script, test.root], timeoutMs: 20_000 });
      for await (const _ready of child.output) break;
      await sleep(delay);
      process.kill(child.pid, 'SIGKILL');
      await child.exited;
      await run(steps);
      expect(await read(test.root), `killed after ${delay} ms`).toEqual(expected);
      if (own === '0') {
        for (const name of ['ada', 'bob']) {
          expect(await readFile(join(test.root, 'home', name, '.profile'), 'utf8')).toBe('umask 022\n');
        }
      }
    }
  }, 60_000);
});

describe('a state that cannot be written', () => {
  it('keeps nobody out', async () => {
    await mkdir(join(test.root, '/var/lib'), { recursive: true });
    // A file where the folder should be: nothing can be made below it, whoever tries.
    await writeFile(join(test.root, '/var/lib/bowline'), '');
    const [note] = await run({ ada: { no_create_home: true, passwd: '$6$a$b' } });
    expect(note).toContain('may be another after the next start');
    expect((await read(test.root))[0]).toContain('ada:x:1000:1000:');
    expect((await read(test.root))[3]).toContain('ada:$6$a$b:');
  });
});

describe('a home folder that cannot be made', () => {
  it('is told, the user stands all the same, and it is made when it can be', async (ctx) => {
    const own = String(process.getuid?.() ?? 0);
    if (own !== '0') return ctx.skip('needs root: the folder belongs to another user');
    await writeFile(join(test.root, 'home'), '');
    await expect(run({ ada: {} })).rejects.toMatchObject({ code: 'STEP_FAILED' });
    expect((await read(test.root))[0]).toContain('ada:x:1000:1000:');
    await rm(join(test.root, 'home'));
    await run({ ada: {} });
    expect(await readFile(join(test.root, 'home/ada/.profile'), 'utf8')).toBe('umask 022\n');
  });

  it('is left alone when it is there and belongs to somebody else', async (ctx) => {
    if (process.getuid?.() !== 0) return ctx.skip('needs root: the folder must belong to somebody else');
    const { chown, stat } = await import('node:fs/promises');
    await mkdir(join(test.root, '/srv/data'), { recursive: true });
    await chown(join(test.root, '/srv/data'), 33, 33);
    await chmod(join(test.root, '/srv/data'), 0o755);
    const [note] = await run({ ada: { homedir: '/srv/data', uid: '1000' } });
    expect(note).toBe('/srv/data belongs to another user and was left alone');
    expect((await stat(join(test.root, '/srv/data'))).uid).toBe(33);
  });

  it("that root made ahead is given to its user, root's other folders are not", async (ctx) => {
    if (process.getuid?.() !== 0) return ctx.skip('needs root');
    const { stat } = await import('node:fs/promises');
    await mkdir(join(test.root, '/home/ada'), { recursive: true });
    await mkdir(join(test.root, '/opt/app'), { recursive: true });
    await run({ ada: {}, bob: { homedir: '/opt/app' } });
    expect((await stat(join(test.root, '/home/ada'))).uid).toBe(1000);
    expect((await stat(join(test.root, '/opt/app'))).uid).toBe(0);
  });
});

describe('the skeleton', () => {
  it('comes with its links as links, all of them the user’s', async (ctx) => {
    if (process.getuid?.() !== 0) return ctx.skip('needs root');
    const { lstat, symlink } = await import('node:fs/promises');
    await symlink('/etc/shadow', join(test.root, '/etc/skel/link'));
    await cp(join(test.root, '/etc/skel/.profile'), join(test.root, '/etc/skel/sub/deep'), { recursive: true });
    await run({ ada: {} });
    expect((await lstat(join(test.root, '/home/ada/link'))).isSymbolicLink()).toBe(true);
    expect((await lstat(join(test.root, '/home/ada/sub/deep'))).uid).toBe(1000);
    expect((await lstat(join(test.root, '/etc/shadow'))).uid).toBe(0);
  });
});
