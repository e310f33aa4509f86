import { describe, expect, it } from 'vitest';
import { mustBeFetched } from './expand.ts';
import { loadMachineDocument } from './load.ts';

const stagesOf = (text: string) => {
  const { document, problems } = loadMachineDocument({ path: 'a.yaml', text: `#cloud-config\n${text}` });
  expect(problems).toEqual([]);
  return document?.stages;
};
const KEY = 'ssh-ed25519 AAAA ada@example.org';

describe('keys of cloud-init become steps', () => {
  it.each<[name: string, text: string, stages: object]>([
    ['hostname: initramfs', 'hostname: edge', { initramfs: [{ name: 'hostname', hostname: 'edge' }] }],
    ['no host name, no step', 'hostname: ""', {}],
    ['runcmd: boot', 'runcmd: [a, b]', { boot: [{ name: 'runcmd', commands: ['a', 'b'] }] }],
    ['no commands, no step', 'runcmd: []', {}],
    [
      'users: initramfs',
      'users: [{name: ada, passwd: x, groups: [admin], shell: /bin/sh}]',
      {
        initramfs: [
          { name: 'users', users: { ada: { name: 'ada', passwd: 'x', groups: ['admin'], shell: '/bin/sh' } } },
        ],
      },
    ],
    [
      'keys written in full: with the user',
      `users: [{name: ada, ssh_authorized_keys: [${KEY}]}]`,
      { initramfs: [{ name: 'users', users: { ada: { name: 'ada' } }, authorized_keys: { ada: [KEY] } }] },
    ],
    [
      'keys to fetch: network',
      'users: [{name: ada, ssh_authorized_keys: ["github:ada", "gitlab:ada", "https://example.com/ada.keys"]}]',
      {
        initramfs: [{ name: 'users', users: { ada: { name: 'ada' } } }],
        network: [
          {
            name: 'ssh_authorized_keys',
            authorized_keys: { ada: ['github:ada', 'gitlab:ada', 'https://example.com/ada.keys'] },
          },
        ],
      },
    ],
    [
      'keys for everybody: every user',
      `users: [{name: ada, ssh_authorized_keys: [one]}, {name: bob}]\nssh_authorized_keys: [${KEY}]`,
      {
        initramfs: [
          {
            name: 'users',
            users: { ada: { name: 'ada' }, bob: { name: 'bob' } },
            authorized_keys: { ada: ['one', KEY], bob: [KEY] },
          },
        ],
      },
    ],
    [
      'keys for everybody without users: root',
      `ssh_authorized_keys: [${KEY}, "github:ada"]`,
      {
        initramfs: [{ name: 'users', authorized_keys: { root: [KEY] } }],
        network: [{ name: 'ssh_authorized_keys', authorized_keys: { root: ['github:ada'] } }],
      },
    ],
    [
      'a key given twice: once',
      'users: [{name: ada, ssh_authorized_keys: [one, one]}]\nssh_authorized_keys: [one]',
      { initramfs: [{ name: 'users', users: { ada: { name: 'ada' } }, authorized_keys: { ada: ['one'] } }] },
    ],
    [
      'a user given twice: the later keys win',
      'users: [{name: ada, shell: /bin/sh, passwd: a}, {name: ada, passwd: b}]',
      { initramfs: [{ name: 'users', users: { ada: { name: 'ada', shell: '/bin/sh', passwd: 'b' } } }] },
    ],
    [
      'write_files: boot, the owner by name',
      'write_files: [{path: /a, content: x, permissions: "0600", owner: "app:app", encoding: b64}]',
      {
        boot: [
          {
            name: 'write_files',
            files: [{ path: '/a', content: 'x', permissions: 0o600, ownerstring: 'app:app', encoding: 'b64' }],
          },
        ],
      },
    ],
    [
      'write_files without mode and owner',
      'write_files: [{path: /a}]',
      { boot: [{ name: 'write_files', files: [{ path: '/a' }] }] },
    ],
    [
      'milpa_files after write_files',
      'milpa_files: [{path: /b}]\nwrite_files: [{path: /a}]',
      {
        boot: [
          { name: 'write_files', files: [{ path: '/a' }] },
          { name: 'milpa_files', files: [{ path: '/b' }] },
        ],
      },
    ],
    [
      'growpart: boot',
      'growpart: {devices: [/dev/vda, /]}',
      {
        boot: [
          { name: 'growpart /dev/vda', layout: { device: { path: '/dev/vda' }, expand_partition: { size: 0 } } },
          { name: 'growpart /', layout: { device: { path: '/' }, expand_partition: { size: 0 } } },
        ],
      },
    ],
    ['growpart that is off', 'growpart: {mode: "off", devices: [/]}', {}],
    ['growpart that is false', 'growpart: {mode: false, devices: [/]}', {}],
    [
      'files before commands, growing before both',
      'runcmd: [a]\nwrite_files: [{path: /a}]\ngrowpart: {devices: [/]}',
      { boot: [{ name: 'growpart /' }, { name: 'write_files' }, { name: 'runcmd' }] },
    ],
    [
      'the steps of the file itself come after them',
      'stages: {boot: [{commands: [own]}], initramfs: [{name: own}], fs: [{name: own}]}\nhostname: a\nruncmd: [a]',
      {
        initramfs: [{ name: 'hostname' }, { name: 'own' }],
        boot: [{ name: 'runcmd' }, { commands: ['own'] }],
        fs: [{ name: 'own' }],
      },
    ],
  ])('%s', (_name, text, stages) => {
    const found = stagesOf(text);
    expect(found).toMatchObject(stages);
    expect(Object.keys(found ?? {}).toSorted()).toEqual(Object.keys(stages).toSorted());
  });

  it('stay values too, so that they can be asked for', () => {
    const { document } = loadMachineDocument({ path: 'a', text: '#cloud-config\nhostname: edge\nruncmd: [a]\n' });
    expect(document?.values).toEqual({ hostname: 'edge', runcmd: ['a'] });
  });
});

describe('mustBeFetched', () => {
  it.each(['github:ada', 'gitlab:ada', 'GitHub:ada', 'http://example.com/a', 'https://example.com/a'])('%s', (key) => {
    expect(mustBeFetched(key)).toBe(true);
  });

  it.each(['ssh-ed25519 AAAA', 'githubber', 'command="curl https:" ssh-rsa AAAA', ''])('not %s', (key) => {
    expect(mustBeFetched(key)).toBe(false);
  });
});
