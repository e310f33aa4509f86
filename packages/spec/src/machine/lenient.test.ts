import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatProblem } from '../problem.ts';
import { walkFields } from '../schema/describe.ts';
import { locate } from '../yaml/located.ts';
import { readLenient } from './lenient.ts';
import { loadMachineDocument } from './load.ts';
import { MachineConfig } from './schema.ts';

const load = (text: string) => {
  const { document, problems } = loadMachineDocument({ path: 'a.yaml', text: `#cloud-config\n${text}` });
  return { values: document?.values, stages: document?.stages, messages: problems.map(formatProblem) };
};
const step = (yaml: string) => {
  const { stages, messages } = load(`stages: {boot: [${yaml}]}`);
  return { step: stages?.['boot']?.[0], messages };
};

describe('what is certainly meant is converted without a word', () => {
  it.each([
    ['a number for text', 'hostname: 1234', { hostname: '1234' }],
    ['a number for text keeps how it was written', 'hostname: 1.10', { hostname: '1.10' }],
    ['a truth value for text', 'hostname: true', { hostname: 'true' }],
    ['"true" for true', 'debug: "true"', { debug: true }],
    ['True for true', 'debug: True', { debug: true }],
    ['text for a number', 'uki-max-entries: "3"', { 'uki-max-entries': 3 }],
    ['numbers in a list of texts', 'bind-pcrs: [7, 11]', { 'bind-pcrs': ['7', '11'] }],
    ['empty text for a word that may be left out', 'p2p: {role: "", dns: true}', { p2p: { dns: true } }],
    [
      'keys in dot notation',
      'install: {partitions.oem.size: 60, system.size: 4096, partitions: {oem: {fs: ext4}}, partitions.efi.size: 64}',
      { install: { partitions: { oem: { size: 60, fs: 'ext4' }, efi: { size: 64 } }, system: { size: 4096 } } },
    ],
    ['an empty key', 'ssh_authorized_keys:\nhostname: a', { ssh_authorized_keys: null, hostname: 'a' }],
  ])('%s', (_name, text, values) => {
    expect(load(text)).toMatchObject({ values, messages: [] });
  });

  it.each([
    ['numbers as values of sysctl', '{sysctl: {vm.swappiness: 10}}', { sysctl: { 'vm.swappiness': '10' } }],
    ['an empty value of a map of texts', '{environment: {A: }}', { environment: { A: '' } }],
    ['a number for uid', '{users: {ada: {uid: 1000}}}', { users: { ada: { uid: '1000' } } }],
    ['an empty key of a step', '{name: a, commands: }', { name: 'a' }],
    ['a number for a name', '{name: 5}', { name: '5' }],
  ])('%s', (_name, yaml, expected) => {
    const result = step(yaml);
    expect(result.messages).toEqual([]);
    expect(result.step).toEqual(expected);
  });
});

describe('what is meant but wrong is converted with a warning', () => {
  it.each([
    ['one text for a list', 'runcmd: a', { runcmd: ['a'] }, 'runcmd must be a list; it is read as a list of one'],
    [
      'one map for a list',
      'users: {name: a}',
      { users: [{ name: 'a' }] },
      'users must be a list; it is read as a list of one',
    ],
    [
      'words with commas, as in cloud-init',
      'users: [{name: a, groups: "adm, sudo"}]',
      { users: [{ name: 'a', groups: ['adm', 'sudo'] }] },
      'users[0].groups must be a list; it is read as a list of 2',
    ],
    ['yes', 'debug: yes', { debug: true }, 'debug: "yes" is read as true; YAML 1.2 knows only true and false'],
    ['on', 'debug: on', { debug: true }, '"on" is read as true'],
    ['no', 'debug: no', { debug: false }, '"no" is read as false'],
    ['Off', 'debug: Off', { debug: false }, '"Off" is read as false'],
    ['wrong case of a word', 'p2p: {role: Master}', { p2p: { role: 'master' } }, 'p2p.role is read as "master"'],
  ])('%s', (_name, text, values, message) => {
    const result = load(text);
    expect(result.values).toEqual(values);
    expect(result.messages).toHaveLength(1);
    expect(result.messages[0]).toContain(message);
  });
});

describe('what cannot be used is left out, and the rest is used', () => {
  it.each([
    [
      'a list for text',
      'hostname: [a]\ndebug: true',
      { debug: true },
      'a.yaml:2:11  warning: hostname must be text, not a list; it is left out',
    ],
    [
      'a map for text',
      'runcmd: [a, {echo b: c}]',
      { runcmd: ['a'] },
      'runcmd[1] must be text, not a map; text with ": " needs quotes; it is left out',
    ],
    ['text for a map', 'install: yes\ndebug: true', { debug: true }, 'install must be a map, not text; it is left out'],
    ['true for a map', 'upgrade: true', {}, 'upgrade must be a map, not true or false; it is left out'],
    ['text for a truth value', 'debug: maybe', {}, 'debug must be true or false, not text; it is left out'],
    [
      'a number for a truth value',
      'upgrade: {recovery: 1}',
      { upgrade: {} },
      'upgrade.recovery must be true or false, not a number',
    ],
    ['text for a number', 'uki-max-entries: many', {}, 'uki-max-entries must be a whole number, not text'],
    ['a number too small', 'uki-max-entries: -1', {}, 'uki-max-entries: must be at least 0; it is left out'],
    ['a fraction', 'uki-max-entries: 1.5', {}, 'uki-max-entries: must be a whole number; it is left out'],
    [
      'a word that is none',
      'p2p: {role: captain}',
      { p2p: {} },
      'p2p.role must be one of master, worker, none, auto, not "captain"; it is left out',
    ],
    [
      'an empty item',
      'runcmd: [a, , b]'.replace(', ,', ', null,'),
      { runcmd: ['a', 'b'] },
      'runcmd[1] is empty; it is left out',
    ],
    [
      'a user without name',
      'users: [{passwd: a}, {name: b}]',
      { users: [{ name: 'b' }] },
      'users[0].name is missing, so users[0] is left out',
    ],
    ['users by name at the top', 'users: {ada: {passwd: a}}', {}, 'users must be a list, not a map; it is left out'],
    ['an empty user', 'users: [null]', { users: [] }, 'users[0] is empty; it is left out'],
  ])('%s', (_name, text, values, message) => {
    const result = load(text);
    expect(result.values).toEqual(values);
    expect(result.messages).toHaveLength(1);
    expect(result.messages[0]).toContain(message);
  });

  it.each([
    [
      'a file without path',
      '{files: [{content: a, permissions: 0644}, {path: /b, permissions: 0644}]}',
      { files: [{ path: '/b', permissions: 0o644 }] },
      'files[0].path is missing, so stages.boot[0].files[0] is left out',
    ],
    [
      'a mode that is none',
      '{files: [{path: /b, permissions: rw-r--r--}]}',
      { files: [{ path: '/b' }] },
      'permissions must be permission bits such as 0644',
    ],
    [
      'an encoding that is none',
      '{files: [{path: /b, permissions: 0644, encoding: base65}]}',
      { files: [{ path: '/b', permissions: 0o644 }] },
      '(did you mean "base64"?)',
    ],
    [
      'a datasource that is none',
      '{datasource: {providers: [aws, awz]}}',
      { datasource: { providers: ['aws'] } },
      '(did you mean "aws"?)',
    ],
    [
      'a key of timesyncd that is none',
      '{timesyncd: {NTP: a, NPT: b}}',
      { timesyncd: { NTP: 'a' } },
      'unknown key "NPT"',
    ],
  ])('%s', (_name, yaml, expected, message) => {
    const result = step(yaml);
    expect(result.step).toEqual(expected);
    expect(result.messages.join('\n')).toContain(message);
  });
});

describe('mistakes that Kairos accepts silently are reported, with the likely word', () => {
  it.each([
    ['stages: {boot: [{files: [{path: /a, permsisions: 0644}]}]}', 'permissions'],
    ['stages: {boot: [{systctl: {a: b}}]}', 'sysctl'],
    ['stages: {boot: [{systemclt: {enable: [a]}}]}', 'systemctl'],
    ['stages: {boot: [{comands: [a]}]}', 'commands'],
    ['stages: {boot: [{authorised_keys: {}}]}', 'authorized_keys'],
    ['stages: {boot: [{users: {ada: {lockPasswd: true}}}]}', 'lock_passwd'],
    ['install: {no_format: true}', 'no-format'],
    ['install: {image: "oci:x"}', 'source'],
    ['install: {grub-options: {}}', 'grub_options'],
    ['install: {extra_partitions: []}', 'extra-partitions'],
    ['install: {bind-mounts: []}', 'bind_mounts'],
    ['upgrade: {recovery_system: {}}', 'recovery-system'],
    ['reset: {reset_oem: true}', 'reset-oem'],
    ['k3s: {enable: true}', 'enabled'],
    ['k0s: {enable: true}', 'enabled'],
    ['k3s-agent: {arg: [a]}', 'args'],
    ['p2p: {vpn: {vpn: true}}', 'create'],
    ['p2p: {ha: {enable: true}}', 'p2p.auto.ha'],
    ['k3s_agent: {enabled: true}', 'k3s-agent'],
    ['cloud_init_paths: [/a]', 'cloud-init-paths'],
    ['users: [{name: a, password: b}]', 'passwd'],
    ['users: [{name: a, ssh-authorized-keys: [b]}]', 'ssh_authorized_keys'],
    ['write_file: []', 'write_files'],
    ['run_cmd: [a]', 'runcmd'],
    ['device: /dev/sda', 'install.device'],
    ['commands: [a]', 'stages.NAME[].commands'],
    ['stages: {intramfs: []}', 'initramfs'],
    ['stages: {boots.after: []}', 'boot'],
    ['stages: {after_upgrade: []}', 'after-upgrade'],
  ])('%s: %s', (text, word) => {
    const { messages } = load(text);
    expect(messages.join('\n')).toContain(`(did you mean "${word}"?)`);
  });

  it('never applies a misspelt key under the name that was probably meant', () => {
    expect(step('{files: [{path: /a, permsisions: 0600, permissions: 0644}]}').step?.files).toEqual([
      { path: '/a', permissions: 0o644 },
    ]);
    expect(load('k3s: {enable: true}').values).toEqual({ k3s: {} });
  });

  it('applies names that the documentation of Kairos teaches, and says so', () => {
    const { step: done, messages } = step('{files: [{path: /a, permissions: 0644, owner_string: "a:b"}]}');
    expect(done?.files).toEqual([{ path: '/a', permissions: 0o644, ownerstring: 'a:b' }]);
    expect(messages[0]).toContain('is read as ownerstring; Kairos documents this name but ignores it');
    expect(load('install: {no_format: true}').values).toEqual({ install: { 'no-format': true } });
  });

  it('lets the right name win over the taught one', () => {
    const { step: done } = step('{files: [{path: /a, permissions: 0644, ownerstring: a, owner_string: b}]}');
    expect(done?.files?.[0]?.ownerstring).toBe('a');
  });

  it.each([
    ['file', '{files: [{path: /a}]}', '0644'],
    ['folder', '{directories: [{path: /a}]}', '0755'],
    ['download', '{downloads: [{path: /a, url: "https://example.com/a"}]}', '0644'],
  ])('says which mode a %s without permissions has', (_name, yaml, mode) => {
    expect(step(yaml).messages).toEqual([
      expect.stringContaining(`permissions is missing; the mode is ${mode} here, but 0000 in Kairos`),
    ]);
  });

  it.each(['platform: {}', 'fullcloudconfig: a', 'install: {skip_copy_kcrypt_plugin: true}'])(
    'says that a key is dead: %s',
    (text) => {
      expect(load(text).messages).toEqual([expect.stringContaining('has no effect: nothing reads it')]);
    },
  );

  it.each([
    ['only_os', '^(?!Alpine).*', 'looks ahead or behind'],
    ['only_os_version', '(a', 'a ( is not closed'],
    ['node', '*edge', 'nothing to repeat'],
    ['only_arch', '(a)\\1', 'refers back'],
  ])('says that RE2 refuses the expression of %s', (key, expression, reason) => {
    const { messages } = load(`stages: {boot: [{${key}: '${expression}', commands: [a]}]}`);
    expect(messages).toEqual([expect.stringContaining(`stages.boot[0].${key} is no RE2 expression (`)]);
    expect(messages[0]).toContain(reason);
  });

  it.each([
    ['nobody is in the group admin', 'install: {auto: true}\nusers: [{name: a}]', 'no user is in the group admin'],
    [
      'only keys are allowed and there is none',
      'install: {ssh_hardening: true, nousers: true}',
      'nobody could log in over SSH',
    ],
    ['the disk is a partition', 'install: {device: /dev/disk/by-partuuid/1}', 'names a partition'],
  ])('says that an installation cannot work: %s', (_name, text, message) => {
    expect(load(text).messages).toEqual([expect.stringContaining(message)]);
  });
});

describe('secrets', () => {
  it.each([
    'users: [{name: a, passwd: [hunter2]}]',
    'p2p: {network_token: {hunter2: 1}}',
    'k3s: {env: hunter2}',
    'config_url: [hunter2]',
    'stages: {boot: [{git: {url: a, path: /a, auth: {password: [hunter2], private_key: {a: hunter2}}}}]}',
    'stages: {boot: [{files: [{path: /a, content: [hunter2], permissions: hunter2}]}]}',
    'stages: {boot: [{commands: [{echo hunter2: hunter2}]}]}',
  ])('are in no message: %s', (text) => {
    const { messages } = load(text);
    expect(messages.length).toBeGreaterThan(0);
    expect(messages.join('\n')).not.toContain('hunter2');
  });
});

describe('readLenient', () => {
  const keys = [...new Set([...walkFields(MachineConfig)].map((field) => field.key)), 'boot', 'ada', 'nope'];
  const { value: anything } = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 6, withCrossShrink: true },
      fc.oneof(
        fc.constantFrom('', 'a', 'yes', '0644', 'master', 'aws', '10'),
        fc.integer({ min: -5, max: 9999 }),
        fc.boolean(),
        fc.constant(null),
      ),
      fc.array(tie('value'), { maxLength: 3 }),
      fc.dictionary(fc.constantFrom(...keys), tie('value'), { maxKeys: 6 }),
    ),
  }));

  it('gives nothing but what the schema accepts, whatever it reads', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom(...keys), anything, { maxKeys: 12 }), (document) => {
        const node = locate(document, { kind: 'map', entries: [], at: { file: 'a', line: 1, column: 1 } });
        const { value } = readLenient(node, MachineConfig);
        const result = MachineConfig.safeParse(withoutNulls(value));
        expect(result.error?.issues ?? []).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });

  it('keeps every example of the schema as it is, without a word', () => {
    for (const [key, schema] of Object.entries(MachineConfig.shape)) {
      const field = [...walkFields(MachineConfig)].find(({ path }) => path === key);
      if (field?.meta.dead !== undefined) continue;
      for (const example of field?.meta.examples ?? []) {
        const document = { [key]: example };
        const node = locate(document, { kind: 'map', entries: [], at: { file: 'a', line: 1, column: 1 } });
        const read = readLenient(node, MachineConfig);
        expect([read.value, read.problems], key).toEqual([document, []]);
        expect(schema.safeParse(example).success).toBe(true);
      }
    }
  });
});

function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([, item]) => item !== null);
  return Object.fromEntries(entries.map(([key, item]) => [key, withoutNulls(item)]));
}
