import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatProblems } from '../problem.ts';
import { EXTENDS_LIMIT, loadBowl } from './load.ts';
import { folderOf, joinPath } from './paths.ts';

const HEAD = 'apiVersion: bowline/v1\n';
const PARENT = `${HEAD}name: parent\nversion: "1"\nbase: {debian: {suite: trixie, packages: [udev]}}\n`;

/** Files by path; `extends` is a path relative to the file. */
const loadFrom = (files: Record<string, string>, path = 'bowl.yaml') => {
  const read = async (reference: string, from: string) => {
    const target = joinPath(folderOf(from), reference);
    const text = files[target];
    if (text === undefined) throw new Error(`${target} does not exist`);
    return { path: target, text };
  };
  return loadBowl({ path, text: files[path] ?? '' }, read);
};
/** The merged bowl of a child that extends PARENT with `parent` added. */
const merge = async (parent: string, child: string) => {
  const result = await loadFrom({
    'bowl.yaml': `${HEAD}extends: parent.yaml\n${child}`,
    'parent.yaml': PARENT + parent,
  });
  if (!result.ok) throw new Error(formatProblems(result.problems));
  return result.bowl;
};
const complain = async (files: Record<string, string>, path?: string) => {
  const result = await loadFrom(files, path);
  return result.ok ? [] : formatProblems(result.problems).split('\n');
};

describe('extends', () => {
  it('inherits everything, and is gone afterwards', async () => {
    const bowl = await merge('', '');
    expect(bowl).toMatchObject({ name: 'parent', version: '1', base: { debian: { packages: ['udev'] } } });
    expect(bowl).not.toHaveProperty('extends');
  });

  it.each([
    ['plain values replace', 'hostname: a\n', 'hostname: b', { name: 'parent', hostname: 'b' }],
    [
      'maps merge deeply',
      'disk: {smallest: 9 GiB, slot: 2 GiB}\n',
      'disk: {slot: 3 GiB}',
      { disk: { smallest: '9 GiB', slot: '3 GiB' } },
    ],
    ['base is replaced as a whole', '', 'base: {image: x}', { base: { image: 'x' } }],
    ['kernel is replaced as a whole', 'kernel: {image: x}\n', 'kernel: {rootfs: y}', { kernel: { rootfs: 'y' } }],
    [
      'cloudConfig is replaced as a whole',
      'cloudConfig: {file: x}\n',
      'cloudConfig: {inline: "#cloud-config"}',
      { cloudConfig: { inline: '#cloud-config' } },
    ],
    ['arch is replaced', 'arch: [amd64]\n', 'arch: [arm64]', { arch: ['arm64'] }],
    ['outputs are replaced', 'outputs: [iso]\n', 'outputs: [raw]', { outputs: ['raw'] }],
    ['packages are appended', 'packages: [a, b]\n', 'packages: [c]', { packages: ['a', 'b', 'c'] }],
    ['a package version overrides', 'packages: [a=1, b]\n', 'packages: [a=2]', { packages: ['b', 'a=2'] }],
    [
      'firmware is appended',
      'firmware: [{image: a}]\n',
      'firmware: [{image: b}]',
      { firmware: [{ image: 'a' }, { image: 'b' }] },
    ],
    [
      'kernel arguments are appended',
      'kernelArguments: [console=tty0]\n',
      'kernelArguments: [console=ttyS0, console=tty0]',
      { kernelArguments: ['console=tty0', 'console=ttyS0', 'console=tty0'] },
    ],
    [
      'units are appended',
      'systemd: {enable: [a.service]}\n',
      'systemd: {enable: [b.service]}',
      { systemd: { enable: ['a.service', 'b.service'] } },
    ],
    [
      'a masked unit is enabled no more',
      'systemd: {enable: [a.service, b.service]}\n',
      'systemd: {mask: [a.service]}',
      { systemd: { enable: ['b.service'], mask: ['a.service'] } },
    ],
  ])('%s', async (_name, parent, child, expected) => {
    expect(await merge(parent, child)).toMatchObject(expected);
  });

  it('overrides files by path and users by name, whole items at a time', async () => {
    const bowl = await merge(
      'files: [{path: /a, content: old, mode: "0600"}, {path: /b, content: b}]\nusers: [{name: x, gecos: X}, {name: y}]\n',
      'files: [{path: /a, symlink: b}, {path: /c, content: c}]\nusers: [{name: x, shell: /bin/zsh}]\n',
    );
    expect(bowl.files.map((file) => [file.path, file.content, file.symlink, file.mode])).toEqual([
      ['/b', 'b', undefined, undefined],
      ['/a', undefined, 'b', undefined],
      ['/c', 'c', undefined, undefined],
    ]);
    expect(bowl.users.map((user) => [user.name, user.gecos, user.shell])).toEqual([
      ['y', '', '/bin/sh'],
      ['x', '', '/bin/zsh'],
    ]);
  });

  it('keeps inherited paths at the folder that wrote them', async () => {
    const files = {
      'site/edge/bowl.yaml': `${HEAD}extends: ../../lib/sub/bowl.yaml\nfiles: [{path: /own, source: own}]\n`,
      'lib/sub/bowl.yaml': `${HEAD}extends: ../top.yaml\nname: a\nversion: "1"\nkernel: {rootfs: {amd64: ./k.tar}}\nfiles: [{path: /abs, source: /srv/abs}, {path: /up, source: ../up}]\n`,
      'lib/top.yaml': `${HEAD}base: {dockerfile: Dockerfile}\ncloudConfig: {file: c.yaml}\nfirmware: [{image: 'oci:./fw:1'}, {image: registry/fw}, {rootfs: fw.tar}]\n`,
    };
    const result = await loadFrom(files, 'site/edge/bowl.yaml');
    expect(result).toMatchObject({
      ok: true,
      bowl: {
        base: { dockerfile: { path: '../../lib/Dockerfile', context: '../../lib' } },
        kernel: { rootfs: { amd64: '../../lib/sub/k.tar' } },
        cloudConfig: { file: '../../lib/c.yaml' },
        firmware: [{ image: 'oci:../../lib/fw:1' }, { image: 'registry/fw' }, { rootfs: '../../lib/fw.tar' }],
        files: [
          { path: '/abs', source: '/srv/abs' },
          { path: '/up', source: '../../lib/up' },
          { path: '/own', source: 'own' },
        ],
      },
      sources: [{ path: 'site/edge/bowl.yaml' }, { path: 'lib/sub/bowl.yaml' }, { path: 'lib/top.yaml' }],
    });
  });

  it('finds the way between files that messages name from elsewhere', async () => {
    const files: Record<string, string> = { starter: `${PARENT}files: [{path: /a, source: a}]\n` };
    const text = `${HEAD}extends: starter\n`;
    const first = { path: '../mine/bowl.yaml', text, location: '/home/x/mine/bowl.yaml' };
    const read = async (name: string) => ({
      path: `bowls/${name}/bowl.yaml`,
      text: files[name] ?? '',
      location: `/home/x/bowline/bowls/${name}/bowl.yaml`,
    });
    const result = await loadBowl(first, read);
    expect(result).toMatchObject({ ok: true, bowl: { files: [{ source: '../bowline/bowls/starter/a' }] } });
    files['starter'] = `${HEAD}nam: x\n`;
    expect(await loadBowl(first, read)).toMatchObject({
      ok: false,
      problems: expect.arrayContaining([expect.objectContaining({ file: 'bowls/starter/bowl.yaml', line: 2 })]),
    });
  });

  it('says so when the way between two files cannot be known', async () => {
    const files = { '../mine/bowl.yaml': `${HEAD}extends: ../here/p.yaml\n`, '../here/p.yaml': PARENT };
    expect(await complain(files, '../mine/bowl.yaml')).toEqual([]);
    const result = await loadBowl({ path: '../mine/bowl.yaml', text: `${HEAD}extends: p\n` }, async () => ({
      path: 'bowls/p.yaml',
      text: PARENT,
    }));
    expect(!result.ok && formatProblems(result.problems)).toBe(
      '../mine/bowl.yaml:2:10  extends: the way from the folder of ../mine/bowl.yaml to bowls/p.yaml is not known; use absolute paths',
    );
  });

  it('suggests also a key that is inherited, but not extends itself', async () => {
    const files = { 'bowl.yaml': `${HEAD}extends: p.yaml\nnam: x\nextend: y\n`, 'p.yaml': PARENT };
    const lines = await complain(files);
    expect(lines[0]).toBe('bowl.yaml:3:1  unknown key "nam" (did you mean "name"?)');
    expect(lines[1]).toMatch(/unknown key "extend"; it can have: name, version, description, arch/);
  });

  it('says which file each problem is in', async () => {
    const lines = await complain({
      'bowl.yaml': `${HEAD}extends: p/bowl.yaml\nversion: 1\n`,
      'p/bowl.yaml': `${HEAD}name: A\nbase: {debian: {suite: bullsey}}\nusers: [{name: x}]\nunknown: 1\n`,
    });
    expect(lines.map((line) => line.replace(/ {2}.*/, ''))).toEqual([
      'bowl.yaml:3:10',
      'p/bowl.yaml:2:7',
      'p/bowl.yaml:3:24',
      'p/bowl.yaml:5:1',
    ]);
  });

  it('finds what is wrong with the first file also when the other cannot be read', async () => {
    const child = `${HEAD}extends: p.yaml\nnam: x\n`;
    expect(await complain({ 'bowl.yaml': child })).toEqual([
      'bowl.yaml:2:10  extends "p.yaml": p.yaml does not exist',
      expect.stringMatching(/^bowl.yaml:3:1 {2}unknown key "nam"/),
    ]);
    expect(await complain({ 'bowl.yaml': child, 'p.yaml': 'a: [' })).toEqual([
      expect.stringMatching(/^bowl.yaml:3:1 {2}unknown key "nam"/),
      expect.stringMatching(/^p.yaml:1:\d/),
    ]);
  });

  it('finds the same key twice in the inherited file', async () => {
    const lines = await complain({
      'bowl.yaml': `${HEAD}extends: p.yaml\n`,
      'p.yaml': `${PARENT}users: [{name: a}, {name: a}]\n`,
    });
    expect(lines).toEqual(['p.yaml:5:27  users[1].name is given twice: "a", first in line 5']);
  });

  it('reports a circle with its chain', async () => {
    const lines = await complain(
      {
        'a.yaml': `${HEAD}extends: b.yaml\n`,
        'b.yaml': `${HEAD}extends: ./a.yaml\n`,
      },
      'a.yaml',
    );
    expect(lines).toEqual(['b.yaml:2:10  bowls extend one another in a circle: a.yaml -> b.yaml -> a.yaml']);
  });

  it(`follows ${EXTENDS_LIMIT} bowls and no more`, async () => {
    const chain = (length: number): Record<string, string> => {
      const files: Record<string, string> = { [`${length - 1}.yaml`]: PARENT };
      for (let i = 0; i < length - 1; i++) files[`${i}.yaml`] = `${HEAD}extends: ${i + 1}.yaml\n`;
      return files;
    };
    expect(await complain(chain(EXTENDS_LIMIT), '0.yaml')).toEqual([]);
    const [line] = await complain(chain(EXTENDS_LIMIT + 1), '0.yaml');
    expect(line).toMatch(/^7.yaml:2:10 {2}more than 8 bowls extend one another: 0.yaml -> 1.yaml -> /);
  });

  it('asks every file for its version', async () => {
    const lines = await complain({
      'bowl.yaml': `${HEAD}extends: p.yaml\n`,
      'p.yaml': PARENT.replace('v1', 'v7'),
    });
    expect(lines).toEqual([
      'p.yaml:1:13  apiVersion bowline/v7 needs a newer Bowline; this one reads up to bowline/v1',
    ]);
  });

  it('means the same as one bowl that says it all: packages of any chain, in order', async () => {
    const names = fc.uniqueArray(fc.stringMatching(/^[a-z]{2,6}$/), { minLength: 1, maxLength: 9 });
    await fc.assert(
      fc.asyncProperty(names, fc.nat(8), async (packages, cut) => {
        const bowl = await merge(
          `packages: ${JSON.stringify(packages.slice(0, cut))}\n`,
          `packages: ${JSON.stringify(packages.slice(cut))}`,
        );
        expect(bowl.packages).toEqual(packages);
      }),
      { numRuns: 50 },
    );
  });
});
