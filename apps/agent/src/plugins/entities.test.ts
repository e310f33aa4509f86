import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeTestMachine, type TestMachine } from '../machine/test-machine.testdata.ts';
import { deleteEntities } from './delete-entities.ts';
import { ensureEntities } from './ensure-entities.ts';
import type { Outcome } from './plugin.ts';

let test: TestMachine;
beforeEach(async () => {
  test = await makeTestMachine({
    files: {
      '/etc/passwd': 'root:x:0:0:root:/root:/bin/sh\napp:x:900:900:App:/srv:/bin/sh\n',
      '/etc/group': 'root:x:0:\napp:x:900:one\n',
      '/etc/gshadow': 'root:*::\napp:!::one\n',
      '/etc/shadow': 'root:*:20000:0:99999:7:::\n',
    },
  });
});
afterEach(() => test.remove());
const text = (path: string) => readFile(join(test.root, path), 'utf8');

type Verb = typeof ensureEntities | typeof deleteEntities;
async function run(plugin: Verb, entity: string, path?: string): Promise<Outcome | undefined> {
  const [action] = plugin.actions([{ entity, ...(path === undefined ? {} : { path }) }], {});
  return await action?.run(test.machine);
}
const ensure = (entity: string, path?: string) => run(ensureEntities, entity, path);
const remove = (entity: string, path?: string) => run(deleteEntities, entity, path);

describe('an entity that is to be there', () => {
  it.each([
    [
      'a user',
      'kind: user\nusername: foo\npassword: x\nuid: 5\ngid: 6\ninfo: Foo!\nhomedir: /home/foo\nshell: /bin/bash\n',
      '/etc/passwd',
      'foo:x:5:6:Foo!:/home/foo:/bin/bash',
    ],
    [
      'a user in a group by name',
      'kind: "user"\nusername: "foo"\nuid: 5\ngroup: app\n',
      '/etc/passwd',
      'foo:x:5:900::/:/bin/sh',
    ],
    [
      'a group',
      'kind: group\ngroup_name: sddm\npassword: xx\ngid: 1\nusers: "one,two,tree"\n',
      '/etc/group',
      'sddm:xx:1:one,two,tree',
    ],
    [
      'a group with a list',
      'kind: group\ngroup_name: sddm\ngid: 1\nusers: [one, two]\n',
      '/etc/group',
      'sddm:x:1:one,two',
    ],
    [
      'a gshadow',
      'kind: gshadow\nname: postmaster\npassword: foo\nadministrators: barred\nmembers: baz\n',
      '/etc/gshadow',
      'postmaster:foo:barred:baz',
    ],
    [
      'a shadow',
      'kind: shadow\nusername: foo\npassword: "$6$s$h"\nlast_changed: 1\nminimum_changed: 2\nmaximum_changed: 3\nwarn: 4\ninactive: 5\nexpire: 6\n',
      '/etc/shadow',
      'foo:$6$s$h:1:2:3:4:5:6:',
    ],
    ['a shadow without a password', 'kind: shadow\nusername: foo\n', '/etc/shadow', 'foo:*:::::::'],
  ])('is written: %s', async (_what, entity, path, line) => {
    expect(await ensure(entity)).toEqual({ changed: true });
    expect(await text(path)).toContain(`${line}\n`);
    const before = await text(path);
    expect(await ensure(entity)).toEqual({ changed: false });
    expect(await text(path)).toBe(before);
  });

  it('gets the next free number for -1, and keeps it', async () => {
    await ensure('kind: user\nusername: foo\nuid: -1\ngid: 0\n');
    await ensure('kind: user\nusername: bar\nuid: -1\ngid: 0\n');
    await ensure('kind: user\nusername: foo\nuid: -1\ngid: 0\ninfo: again\n');
    expect(await text('/etc/passwd')).toContain('foo:x:999:0:again:/:/bin/sh\nbar:x:998:0::/:/bin/sh\n');
  });

  it('changes what it names and keeps the rest', async () => {
    await ensure('kind: user\nusername: app\nshell: /bin/false\n');
    expect(await text('/etc/passwd')).toContain('app:x:900:900:App:/srv:/bin/false\n');
  });

  it('without a number never becomes root', async () => {
    await ensure('kind: user\nusername: foo\n');
    expect(await text('/etc/passwd')).toContain('foo:x:999:100:');
  });

  it('adds members to a group', async () => {
    await ensure('kind: group\ngroup_name: app\nusers: two,one\n');
    expect(await text('/etc/group')).toContain('app:x:900:one,two\n');
  });

  it('makes a hash of a plain password, and keeps the aging', async () => {
    await ensure('kind: shadow\nusername: root\npassword: secret\nlast_changed: now\n');
    expect(await text('/etc/shadow')).toMatch(/^root:\$6\$[^:]{103}:\d{5}:0:99999:7:::\n/);
  });

  it('never has plain text in passwd', async () => {
    const outcome = await ensure('kind: user\nusername: foo\npassword: secret\nuid: 5\ngid: 5\n');
    expect(await text('/etc/passwd')).toContain('foo:x:5:5:');
    expect(outcome?.note).toContain('belongs into an entity of kind shadow');
    expect(outcome?.note).not.toContain('secret');
  });

  it('can be a template', async () => {
    await ensure('kind: group\ngroup_name: {{ "APP2" | lower }}\ngid: 7\n');
    expect(await text('/etc/group')).toContain('app2:x:7:\n');
  });

  it('can stand in another file, which is made', async () => {
    await ensure('kind: group\ngroup_name: foo\ngid: 7\n', '/etc/other/group');
    await ensure('kind: shadow\nusername: foo\npassword: "*"\n', '/etc/other/shadow');
    expect(await text('/etc/other/group')).toBe('foo:x:7:\n');
    expect((await stat(join(test.root, '/etc/other/shadow'))).mode & 0o777).toBe(0o600);
    expect(await text('/etc/group')).not.toContain('foo');
  });

  it('is told about keys that mean nothing', async () => {
    const outcome = await ensure('kind: group\ngroup_name: foo\ngid: 7\nmembers: a\n');
    expect(outcome?.note).toBe('group foo: members mean nothing');
  });

  it.each([
    ['no YAML', 'kind: [', 'no YAML'],
    ['no map', '- a', 'no YAML map'],
    ['no kind', 'group_name: a', 'has no kind'],
    ['an unknown kind', 'kind: device\nname: a', 'has no kind'],
    ['no name', 'kind: group\ngid: 1', 'needs group_name'],
    ['a number that is none', 'kind: group\ngroup_name: a\ngid: x', 'is no number'],
    ['a nested value', 'kind: group\ngroup_name: a\nusers: {a: b}', 'neither text nor number'],
    ['a colon in a field', 'kind: user\nusername: a\nuid: 5\ninfo: "a:b"', 'cannot hold a colon'],
    ['a line end in a field', 'kind: user\nusername: a\nuid: 5\nshell: "x\\nroot2:x:0:0::/:"', 'line end'],
    ['a day that is none', 'kind: shadow\nusername: a\nexpire: soon', 'a number of days'],
    [
      'a billion laughs',
      `a: &a [x]\n${'bcdefghijklmno'
        .split('')
        .map((c, i) => `${c}: &${c} [${`*${'abcdefghijklmno'[i]},`.repeat(9)}]`)
        .join('\n')}`,
      'no YAML',
    ],
  ])('changes nothing when wrong: %s', async (_what, entity, message) => {
    const files = ['/etc/passwd', '/etc/group', '/etc/shadow'];
    const before = await Promise.all(files.map(text));
    await expect(ensure(entity)).rejects.toMatchObject({
      code: 'ACCOUNT_INVALID',
      message: expect.stringContaining(message),
    });
    expect(await Promise.all(files.map(text))).toEqual(before);
  });

  it('is shown by kind and name in a dry run, without its password', () => {
    const entity = 'kind: shadow\nusername: root\npassword: secret\n';
    expect(ensureEntities.actions([{ entity, path: '/etc/x' }], {})[0]?.summary).toBe('ensure shadow root in /etc/x');
    expect(deleteEntities.actions([{ entity }], {})[0]?.summary).toBe('delete shadow root');
  });
});

describe('an entity that is to be gone', () => {
  it.each([
    ['user', 'username', '/etc/passwd'],
    ['group', 'group_name', '/etc/group'],
    ['gshadow', 'name', '/etc/gshadow'],
  ])('is removed by its name: %s', async (kind, key, path) => {
    expect(await remove(`kind: ${kind}\n${key}: app\n`)).toEqual({ changed: true });
    expect(await text(path)).not.toContain('app');
    expect(await text(path)).toContain('root');
    expect(await remove(`kind: ${kind}\n${key}: app\n`)).toEqual({ changed: false });
  });

  it('that is not there takes nobody else along', async () => {
    const before = await text('/etc/group');
    await remove('kind: group\ngroup_name: none\n');
    expect(await text('/etc/group')).toBe(before);
  });

  it('can stand in another file', async () => {
    await writeFile(join(test.root, '/etc/other'), 'a:x:1:\nb:x:2:\n');
    await remove('kind: group\ngroup_name: a\n', '/etc/other');
    expect(await text('/etc/other')).toBe('b:x:2:\n');
  });
});
