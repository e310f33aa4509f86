import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FakeInstallEngine, fakeDisk } from '../install-choice/fake-engine.testdata.ts';
import { makeTestMachine, type TestMachine } from '../machine/test-machine.testdata.ts';
import { FakePrompter, type Script } from './fake-prompter.testdata.ts';
import { installInTerminal, type TerminalOutcome } from './install-in-terminal.ts';

const USER: Script = [true, 'ada', 'github:ada', '', 'edge-7'];
const NO_USER: Script = [false];
const NO_FILE: Script = [''];

let folder = '';
let test: TestMachine;
let engine: FakeInstallEngine;
let prompter: FakePrompter;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bowline-terminal-'));
  test = await makeTestMachine();
  engine = new FakeInstallEngine();
});
afterEach(async () => {
  await test.remove();
  await rm(folder, { recursive: true });
});

function run(...script: Script): Promise<TerminalOutcome> {
  prompter = new FakePrompter(script);
  const progress = { show: () => undefined, end: () => undefined };
  return installInTerminal({ machine: test.machine, engine, prompter, cwd: folder, progress });
}
const configured = (): string[] => engine.ran[0]?.configurations.map(({ text }) => text) ?? [];

describe('an installation by questions', () => {
  it('asks for disk, user, configuration and consent, installs, and asks what then', async () => {
    const outcome = await run('/dev/vda', ...USER, ...NO_FILE, 'install', true, 'nothing');
    expect(outcome).toMatchObject({ after: 'nothing', result: { disk: '/dev/vda' } });
    expect(prompter.said.filter((line) => line.startsWith('?'))).toEqual([
      '? Which disk? The whole of it is used. /dev/vda /dev/nvme0n1 (/dev/sda) (/dev/sdb)',
      '? Make a user who can log in?',
      '? User name',
      '? SSH key, github:NAME, gitlab:NAME or a web address; empty for none',
      '? Password; empty for none',
      '? Name of the machine; empty for one that it makes itself',
      '? Further configuration: a file or a web address; empty for none',
      '? Go on? install again quit',
      '? Install now?',
      '? And now? reboot poweroff nothing',
    ]);
    expect(configured()).toEqual([
      '#cloud-config\nhostname: "edge-7"\nusers:\n  - name: "ada"\n    groups: [admin]\n    ssh_authorized_keys:\n      - "github:ada"\n',
    ]);
    expect(prompter.said.join('\n')).toContain('edge 1.2 is on /dev/vda');
  });

  it('says what will be erased, and does so only when the name of the disk was typed', async () => {
    await run('/dev/nvme0n1', ...NO_USER, ...NO_FILE, 'install', '', 'yes', '/dev/vda', '/dev/nvme0n1', 'nothing');
    const said = prompter.said.join('\n');
    expect(said).toContain('THIS WILL BE ERASED on /dev/nvme0n1: esp (vfat, 512 MiB); root (ext4, 480 GiB); swap');
    expect(said.match(/This is not \/dev\/nvme0n1\./g)).toHaveLength(3);
    expect(engine.ran).toHaveLength(1);
  });

  it.each<[when: string, script: Script]>([
    ['at the disk', [undefined]],
    ['at the user', ['/dev/vda', true, undefined]],
    ['at the password', ['/dev/vda', true, 'ada', '', undefined]],
    ['at the configuration', ['/dev/vda', false, undefined]],
    ['at the review', ['/dev/vda', false, '', undefined]],
    ['by the last choice of the review', ['/dev/vda', false, '', 'quit']],
    ['at the confirmation', ['/dev/nvme0n1', false, '', 'install', undefined]],
    ['at the question for consent', ['/dev/vda', false, '', 'install', undefined]],
  ])('writes nothing when it is broken off %s', async (_when, script) => {
    await expect(run(...script)).rejects.toMatchObject({ name: 'AbortError', code: 'ABORTED' });
    expect(engine.ran).toEqual([]);
    expect(prompter.unused).toEqual([]);
  });

  it('can be chosen anew from the review, and by saying no', async () => {
    const first: Script = ['/dev/nvme0n1', ...NO_USER, ...NO_FILE, 'again'];
    const second: Script = ['/dev/vda', ...NO_USER, ...NO_FILE, 'install', false];
    await run(...first, ...second, '/dev/vda', ...NO_USER, ...NO_FILE, 'install', true, 'nothing');
    expect(engine.ran.map(({ disk }) => disk.path)).toEqual(['/dev/vda']);
  });

  it('asks for the password twice, keeps its hash only, and never says it', async () => {
    const passwords: Script = ['', 'short', 'correct horse', 'another horse', 'correct horse', 'correct horse'];
    await run('/dev/vda', true, 'ada', '', ...passwords, '', ...NO_FILE, 'install', true, 'nothing');
    const said = prompter.said.join('\n');
    expect(said).toMatch(/nobody could log in otherwise[^]*A password has 8 to 256[^]*The two passwords differ/);
    expect(configured()[0]).toMatch(/passwd: "\$6\$rounds=50000\$/);
    expect(`${said}${configured().join('')}`).not.toMatch(/horse/);
  });

  it('takes a file, says what is wrong in it, and asks again for one that cannot be used', async () => {
    await writeFile(join(folder, 'bad.yaml'), '- a\n');
    await writeFile(join(folder, 'so-so.yaml'), '#cloud-config\nusrs: []\ninstall: {reboot: true}\n');
    await run(
      '/dev/vda',
      ...NO_USER,
      'none.yaml',
      'bad.yaml',
      'so-so.yaml',
      false,
      'so-so.yaml',
      true,
      'install',
      true,
    );
    const said = prompter.said.join('\n');
    expect(said).toContain('warning: cannot read none.yaml');
    expect(said).toMatch(/In bad\.yaml: bad\.yaml:1:1 {2}a configuration is a map of keys, not a list/);
    expect(said).toMatch(/so-so\.yaml:2:1 {2}warning: [^?]*\(did you mean "users"\?\)/);
    expect(engine.ran[0]).toMatchObject({ after: 'reboot', configurations: [{ origin: 'so-so.yaml' }] });
    // There is no program in the test's machine to restart it with.
    expect(prompter.said.slice(-2)).toEqual(['The machine restarts.', 'warning: this system has no reboot']);
  });

  it('puts what the machine was given before what the person gives', async () => {
    await mkdir(join(test.root, 'oem/95_userdata'), { recursive: true });
    await writeFile(join(test.root, 'oem/95_userdata/userdata.yaml'), '#cloud-config\nhostname: given\n');
    await run('/dev/vda', ...USER, ...NO_FILE, 'install', true, 'nothing');
    expect(engine.ran[0]?.configurations.map(({ origin }) => origin)).toEqual([
      '/oem/95_userdata/userdata.yaml',
      'your answers',
    ]);
    expect(prompter.said.join('\n')).toContain('configuration  /oem/95_userdata/userdata.yaml, your answers');
  });

  it('asks nothing on a machine without a disk that fits', async () => {
    engine.disksNow = [fakeDisk('/dev/sda', { isMedium: true }), fakeDisk('/dev/sdb', { readOnly: true })];
    await expect(run()).rejects.toMatchObject({
      code: 'DISK_INVALID',
      hint: '/dev/sda: the medium this system runs from. /dev/sdb: write-protected.',
    });
    engine.disksNow = [];
    await expect(run()).rejects.toMatchObject({ message: 'this machine has no disk' });
  });

  it('is there although nobody answers what comes then', async () => {
    expect(await run('/dev/vda', ...NO_USER, ...NO_FILE, 'install', true, undefined)).toMatchObject({
      after: 'nothing',
    });
  });
});
