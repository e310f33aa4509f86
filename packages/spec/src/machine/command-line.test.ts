import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseConfigArguments } from './command-line.ts';
import { splitKernelArguments } from './kernel-arguments.ts';

const valuesOf = (line: string) => parseConfigArguments(line).document.values;
const stagesOf = (line: string) => parseConfigArguments(line).document.stages;
const messagesOf = (line: string) => parseConfigArguments(line).problems.map((p) => `${p.column} ${p.message}`);

describe('values', () => {
  it.each<[line: string, values: object]>([
    ['', {}],
    ['root=LABEL=A rd.shell=0 quiet panic=5 console=tty1', {}],
    ['install.auto', { install: { auto: true } }],
    ['install.auto=true', { install: { auto: true } }],
    ['install.auto=false', { install: { auto: false } }],
    ['install.device=/dev/vda', { install: { device: '/dev/vda' } }],
    ['install.device=LABEL=a=b', { install: { device: 'LABEL=a=b' } }],
    ['install.partitions.oem.size=60', { install: { partitions: { oem: { size: 60 } } } }],
    ['kairos.config=hostname=edge', { hostname: 'edge' }],
    ['bowline.config=hostname=edge', { hostname: 'edge' }],
    ['kairos.config=install.auto', { install: { auto: true } }],
    ['kairos.config=install.device=/dev/sda', { install: { device: '/dev/sda' } }],
    ['hostname=edge', { hostname: 'edge' }],
    ['hostname=1234', { hostname: '1234' }],
    ['hostname="edge one"', { hostname: 'edge one' }],
    ['"hostname=edge one"', { hostname: 'edge one' }],
    ["hostname='edge one'", { hostname: "'edge" }],
    ['hostname=', { hostname: '' }],
    ['debug', { debug: true }],
    ['debug=false', { debug: false }],
    ['install reset upgrade name', {}],
    ['cloud-init-paths.0=/a cloud-init-paths.1=/b', { 'cloud-init-paths': ['/a', '/b'] }],
    ['cloud-init-paths[1]=/b cloud-init-paths[0]=/a', { 'cloud-init-paths': ['/a', '/b'] }],
    ['cloud-init-paths[7]=/a', { 'cloud-init-paths': ['/a'] }],
    ['hostname=a hostname=b', { hostname: 'b' }],
    ['grub_options.extra_cmdline="quiet splash"', { grub_options: { extra_cmdline: 'quiet splash' } }],
    ['k3s.env.K3S_URL=https://a', { k3s: { env: { K3S_URL: 'https://a' } } }],
    ['phonehome.labels.site.name=north', { phonehome: { labels: { 'site.name': 'north' } } }],
    ['-- hostname=edge', { hostname: 'edge' }],
    ['users[0].name=ada users[0].groups[0]=admin', { users: [{ name: 'ada', groups: ['admin'] }] }],
  ])('%s', (line, values) => {
    expect(valuesOf(line)).toEqual(values);
    expect(messagesOf(line)).toEqual([]);
  });
});

describe('stages', () => {
  it.each<[line: string, stages: object]>([
    ['stages.boot[0].commands[0]="echo hello"', { boot: [{ commands: ['echo hello'] }] }],
    ['stages.boot.0.commands.0=reboot', { boot: [{ commands: ['reboot'] }] }],
    ['stages.boot.before[0].commands[0]=a', { 'boot.before': [{ commands: ['a'] }] }],
    ['stages.kairos-install.pre.before[0].name=x', { 'kairos-install.pre.before': [{ name: 'x' }] }],
    ['stages.boot[0].authorized_keys.root[0]=github:ada', { boot: [{ authorized_keys: { root: ['github:ada'] } }] }],
    ['stages.boot[0].sysctl.net.ipv4.ip_forward=1', { boot: [{ sysctl: { 'net.ipv4.ip_forward': '1' } }] }],
    ['stages.boot[0].users.ada.shell=/bin/sh', { boot: [{ users: { ada: { shell: '/bin/sh' } } }] }],
    [
      'stages.boot[0].files[0].path=/a stages.boot[0].files[0].permissions=0600',
      { boot: [{ files: [{ path: '/a', permissions: 0o600 }] }] },
    ],
    ['hostname=edge', { initramfs: [{ name: 'hostname', hostname: 'edge' }] }],
    ['runcmd[0]=a runcmd[1]=b', { boot: [{ name: 'runcmd', commands: ['a', 'b'] }] }],
    ['stages.boot[1].name=second stages.boot[0].name=first', { boot: [{ name: 'first' }, { name: 'second' }] }],
  ])('%s', (line, stages) => {
    expect(stagesOf(line)).toEqual(stages);
    expect(messagesOf(line)).toEqual([]);
  });
});

describe('URLs', () => {
  it.each([
    ['config_url=https://a/x', ['https://a/x']],
    ['kairos.config_url=https://a/x', ['https://a/x']],
    ['bowline.config_url=https://a/x?b=c', ['https://a/x?b=c']],
    ['cos.setup=https://a/x', ['https://a/x']],
    ['config_url=b cos.setup=a config_url=b', ['b', 'a']],
    ['config_url="https://a/x y"', ['https://a/x y']],
  ])('%s', (line, urls) => {
    expect(parseConfigArguments(line)).toMatchObject({ configUrls: urls, problems: [] });
  });
});

describe('what is wrong', () => {
  it.each([
    ['kairos.config=nope=1', '1 unknown key "nope"; it has no effect'],
    ['kairos.config', '1 kairos.config needs KEY=VALUE'],
    ['bowline.config==x', '1 bowline.config needs KEY=VALUE'],
    ['quiet config_url=', '7 config_url needs a URL'],
    ['install.auto=maybe', '1 install.auto must be true or false, not text; it is left out'],
    ['install.atuo', '1 unknown key "atuo" in install; it has no effect'],
    ['install..auto', '1 the path of the setting is malformed; it is left out'],
    ['runcmd[0=a', '1 the path of the setting is malformed; it is left out'],
    ['runcmd[x]=a', '1 the path of the setting is malformed; it is left out'],
    ['runcmd[1000]=a', '1 an index is larger than 999; it is left out'],
    [`install${'.a'.repeat(16)}=1`, '1 the path of the setting has more than 16 parts; it is left out'],
    ['install.__proto__.x=1', '1 "__proto__" cannot be used as a key; it is left out'],
    ['kairos.config=__proto__.x=1', '1 "__proto__" cannot be used as a key; it is left out'],
    ['hostname=a hostname.b=c', '12 contradicts an earlier setting; it is left out'],
    ['runcmd[0]=a runcmd.b=c', '13 contradicts an earlier setting; it is left out'],
    ['install.auto install=x', '14 contradicts an earlier setting; it is left out'],
  ])('%s', (line, message) => {
    expect(messagesOf(line)).toEqual([message]);
  });

  it('stops at a number of settings nobody needs', () => {
    const line = Array.from({ length: 600 }, (_, i) => `runcmd[${i}]=a`).join(' ');
    expect(messagesOf(line)).toEqual([expect.stringContaining('more than 512 settings')]);
    expect(stagesOf(line)['boot']?.[0]?.commands).toHaveLength(512);
  });

  it('is never a reason to throw, to pollute prototypes, or to show a URL', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(
            fc.string(),
            fc.constantFrom(
              'install.',
              'stages.boot[0]',
              '=',
              '"',
              ' ',
              'config_url=',
              'constructor',
              '__proto__',
              'hunter2',
              '[',
              '].',
              'toString',
            ),
          ),
        ),
        (parts) => {
          const { problems } = parseConfigArguments(parts.join(''));
          expect(Object.keys(Object.prototype)).toEqual([]);
          expect(problems.every((problem) => problem.severity === 'warning')).toBe(true);
        },
      ),
    );
    expect(
      JSON.stringify(parseConfigArguments('config_url=https://u:hunter2@a kairos.config=x=hunter2').problems),
    ).not.toContain('hunter2');
  });
});

describe('splitKernelArguments', () => {
  it.each<[line: string, found: [string, string | undefined][]]>([
    [
      'a b=c',
      [
        ['a', undefined],
        ['b', 'c'],
      ],
    ],
    [
      '  a\t b\n',
      [
        ['a', undefined],
        ['b', undefined],
      ],
    ],
    [
      'a="b c" d',
      [
        ['a', 'b c'],
        ['d', undefined],
      ],
    ],
    ['"a=b c"', [['a', 'b c']]],
    ['a=b" "c', [['a', 'b" "c']]],
    ['a="b', [['a', 'b']]],
    ['a=b=c', [['a', 'b=c']]],
    ['=a', [['=a', undefined]]],
    ['a=', [['a', '']]],
    ['""', []],
  ])('splits %j as the kernel does', (line, found) => {
    expect(splitKernelArguments(line).map(({ name, value }) => [name, value])).toEqual(found);
  });
});
