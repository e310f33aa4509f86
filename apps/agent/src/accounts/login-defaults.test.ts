import { expect, it } from 'vitest';
import { makeTestMachine } from '../machine/test-machine.testdata.ts';
import { readLoginDefaults } from './login-defaults.ts';

async function defaults(files: Record<string, string>) {
  const test = await makeTestMachine({ files });
  try {
    return await readLoginDefaults(test.machine);
  } finally {
    await test.remove();
  }
}

it('are those of shadow-utils where nothing is set', async () => {
  expect(await defaults({})).toEqual({
    users: { first: 1000, last: 60_000 },
    systemUsers: { first: 101, last: 999 },
    groups: { first: 1000, last: 60_000 },
    systemGroups: { first: 101, last: 999 },
    subUids: { first: 100_000, last: 600_100_000, count: 65_536 },
    subGids: { first: 100_000, last: 600_100_000, count: 65_536 },
    homeMode: 0o700,
    aging: { minimum: '0', maximum: '99999', warning: '7', inactive: '', expires: '' },
    homeFolder: '/home',
    shell: '/bin/sh',
    skeleton: '/etc/skel',
    group: '100',
  });
});

it('come from login.defs and default/useradd', async () => {
  const read = await defaults({
    '/etc/login.defs':
      '# UID_MIN 5\nUID_MIN\t\t 2000\nUID_MAX 0x7d1 # two\nSYS_UID_MIN 200\nUMASK 027\nPASS_MAX_DAYS 90\n',
    '/etc/default/useradd': 'SHELL="/bin/bash"\nHOME=/data/\nINACTIVE=30\nGROUP=users\n# EXPIRE=1\n',
  });
  expect(read).toMatchObject({
    users: { first: 2000, last: 2001 },
    systemUsers: { first: 200, last: 1999 },
    homeMode: 0o750,
    aging: { maximum: '90', inactive: '30', expires: '' },
    homeFolder: '/data',
    shell: '/bin/bash',
    group: 'users',
  });
});

it('prefer HOME_MODE to UMASK', async () => {
  expect(await defaults({ '/etc/login.defs': 'UMASK 022\nHOME_MODE 0711\n' })).toMatchObject({ homeMode: 0o711 });
});

it.each(['UID_MIN many', 'UID_MIN -5', 'UID_MIN 99999999999', 'HOME_MODE rwx', 'UID_MIN', '\0\xff'])(
  'ignore what makes no sense: %j',
  async (line) => {
    expect(await defaults({ '/etc/login.defs': `${line}\n` })).toMatchObject({
      users: { first: 1000 },
      homeMode: 0o700,
    });
  },
);

it('ignore a home or shell that is no path', async () => {
  expect(await defaults({ '/etc/default/useradd': 'HOME=home\nSHELL=bash\n' })).toMatchObject({
    homeFolder: '/home',
    shell: '/bin/sh',
  });
});
