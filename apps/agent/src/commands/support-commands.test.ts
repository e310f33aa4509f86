import { chmod, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { nodeHost } from '@bowline/host';
import { afterEach, describe, expect, it } from 'vitest';
import { runAgent } from '../agent.ts';
import { makeTestMachine, type TestFiles, type TestMachine } from '../machine/test-machine.testdata.ts';

const SECRETS = {
  passwd: 'tr0ub4dor-and-3',
  hash: '$6$saltsalt$abcdefghijklmnopqrstuv.1234567890',
  token: 'K10deadbeef::server:cafe',
  networkToken: 'b3RydXN0LW5ldHdvcms6IHRydWU=',
  userinfo: 'url-passw0rd',
  gitKey: 'private-line-of-the-git-key',
  psk: 'wifi-pre-shared',
  argument: 'argument-after-option',
};
const CONFIG = `#cloud-config
hostname: node-1
install:
  device: /dev/sda
users:
  - name: ann
    passwd: ${SECRETS.passwd}
  - name: bob
    passwd: ${SECRETS.hash}
write_files:
  - path: /etc/wifi.conf
    permissions: "0600"
    content: |
      psk=${SECRETS.psk}
k3s:
  enabled: true
  args: ["--token", "${SECRETS.argument}"]
  env:
    K3S_TOKEN: ${SECRETS.token}
p2p:
  network_token: ${SECRETS.networkToken}
config_url: https://admin:${SECRETS.userinfo}@127.0.0.1:1/config
logs:
  files: [/var/log/app/*.log, /nowhere]
  journal: [app.service]
stages:
  boot:
    - name: clone
      git:
        url: https://admin:${SECRETS.userinfo}@127.0.0.1:1/a.git
        path: /opt/a
        auth:
          private_key: |
            ${SECRETS.gitKey}
`;

const machines: TestMachine[] = [];
afterEach(async () => {
  for (const made of machines.splice(0)) await made.remove();
});

async function machineWith(files: TestFiles): Promise<TestMachine> {
  const made = await makeTestMachine({ files });
  machines.push(made);
  return made;
}

async function agent(root: string, ...argv: string[]) {
  let stdout = '';
  let stderr = '';
  const exitCode = await runAgent(argv, {
    host: async () => nodeHost(),
    cwd: root,
    version: '1.2.3',
    root,
    signal: new AbortController().signal,
    stdout: async (text) => void (stdout += text),
    stderr: async (text) => void (stderr += text),
  });
  return { exitCode, stdout, stderr };
}

const seen = (text: string) => Object.values(SECRETS).filter((secret) => text.includes(secret));

describe('config', () => {
  it('prints the merged configuration without secrets', async () => {
    const { root } = await machineWith({
      '/oem/90.yaml': CONFIG,
      '/oem/95.yaml': '#cloud-config\ninstall:\n  auto: true\n',
    });
    const { stdout, stderr, exitCode } = await agent(root, 'config');
    expect(exitCode, stderr).toBe(0);
    expect(stdout).toContain('device: /dev/sda\n  auto: true');
    expect(seen(stdout + stderr)).toEqual([]);
    expect(seen((await agent(root, 'config', '--json')).stdout)).toEqual([]);
  });
  it('shows them when asked to', async () => {
    const { root } = await machineWith({ '/oem/90.yaml': CONFIG });
    expect((await agent(root, 'config', '--show-secrets')).stdout).toContain(SECRETS.token);
    expect((await agent(root, 'config', 'get', 'p2p.network_token')).stdout).toBe('***\n');
    const shown = await agent(root, 'config', 'get', '--show-secrets', 'p2p.network_token');
    expect(shown.stdout).toBe(`${SECRETS.networkToken}\n`);
  });
  it('answers queries with and without the first dot', async () => {
    const { root } = await machineWith({ '/oem/90.yaml': CONFIG });
    expect((await agent(root, 'config', 'get', '.install.device')).stdout).toBe('/dev/sda\n');
    expect((await agent(root, 'config', 'get', 'k3s.enabled')).stdout).toBe('true\n');
    expect(JSON.parse((await agent(root, 'config', 'get', '.users[].name', '--json')).stdout)).toEqual(['ann', 'bob']);
    expect(await agent(root, 'config', 'get', '.a | group_by(.b)')).toMatchObject({ exitCode: 2 });
  });
  it('prints an empty map for a machine without configuration', async () => {
    const { root } = await machineWith({});
    expect(await agent(root, 'config')).toMatchObject({ exitCode: 0, stdout: '{}\n' });
  });
});

describe('render-template', () => {
  it('prints what the template becomes', async () => {
    const { root } = await machineWith({
      '/etc/machine-id': `${'0af1'.repeat(8)}\n`,
      '/t': 'node-{{ trunc 4 .MachineID }}',
    });
    expect(await agent(root, 'render-template', '-f', 't')).toMatchObject({ exitCode: 0, stdout: 'node-0af1\n' });
  });
  it('fails with 2 and the place when the template is wrong', async () => {
    const { root } = await machineWith({ '/t': 'a\n{{ nope }}', '/m': '{{ .missing }}', '/u': '{{ upper .missing }}' });
    const wrong = await agent(root, 'render-template', '-f', 't');
    expect(wrong).toMatchObject({ exitCode: 2, stdout: '' });
    expect(wrong.stderr).toContain('t:2:4: there is no function nope');
    expect(await agent(root, 'render-template', '-f', 'u')).toMatchObject({ exitCode: 2 });
    expect(await agent(root, 'render-template', '-f', 'm', '--strict')).toMatchObject({ exitCode: 2 });
    expect(await agent(root, 'render-template', '-f', 'none')).toMatchObject({ exitCode: 2 });
  });
});

describe('logs', () => {
  const leaks = Object.values(SECRETS).join(' and ');
  const program = (text: string) => `#!/bin/sh\n${text}\n`;

  async function bundle(root: string): Promise<{ text: string; entries: string[] }> {
    const { stdout, stderr, exitCode } = await agent(root, 'logs', '-o', 'out.tar.gz', '--json');
    expect(exitCode, stderr).toBe(0);
    expect((await stat(join(root, 'out.tar.gz'))).mode & 0o777).toBe(0o600);
    const text = gunzipSync(await readFile(join(root, 'out.tar.gz'))).toString('latin1');
    return { text, entries: (JSON.parse(stdout) as { entries: string[] }).entries };
  }

  it('holds no secret of the configuration, wherever programs and files repeat it', async () => {
    const { root } = await machineWith({
      '/oem/90.yaml': CONFIG,
      '/proc/cmdline': `root=x config_url=https://u:${SECRETS.userinfo}@h/ token=${SECRETS.token} quiet`,
      '/var/log/app/a.log': `started with ${leaks}\n`,
      '/run/bowline/stages.json': '{"version":1,"runs":[]}',
    });
    await mkdir(join(root, '/usr/bin'), { recursive: true });
    for (const name of ['journalctl', 'dmesg']) {
      await writeFile(join(root, '/usr/bin', name), program(`echo '${name} saw ${leaks}' "$@"`));
      await chmod(join(root, '/usr/bin', name), 0o755);
    }
    const { text, entries } = await bundle(root);
    expect(seen(text)).toEqual([]);
    expect(text).toContain('journalctl saw ***');
    expect(text).toContain('--unit=app.service');
    expect(text).toContain('/nowhere: there is no such file');
    expect(text).toContain('root=x config_url=');
    expect(text).toContain('hostname: node-1');
    expect(entries).toEqual(
      expect.arrayContaining(['config.yaml', 'journal/app.service.txt', 'files/var/log/app/a.log']),
    );
  });
  it('is made on a machine that has nothing, and names what is missing', async () => {
    const { root } = await machineWith({});
    const { text, entries } = await bundle(root);
    expect(entries).toContain('missing.txt');
    expect(text).toContain('dmesg.txt: this system has no dmesg');
    expect(text).toContain('"agent": "1.2.3"');
  });
  it('keeps the end of long files, and refuses pipes', async () => {
    const { root } = await machineWith({
      '/oem/1.yaml': '#cloud-config\nlogs:\n  files: [/var/log/big, /var/log/folder, /../../etc/passwd]\n',
      '/var/log/big': `first line\n${'x'.repeat(3_000_000)}\nlast line\n`,
      '/var/log/folder/a': 'a',
    });
    const { text } = await bundle(root);
    expect(text).toContain('last line');
    expect(text).not.toContain('first line');
    expect(text).toContain('files/var/log/folder: is not a regular file');
  });
});
