import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HostError, nodeHost } from '@bowline/host';
import { afterEach, describe, expect, it } from 'vitest';
import { runAgent } from './agent.ts';
import { COMMANDS } from './commands/all.ts';
import type { CommandDefinition } from './commands/command.ts';
import { AgentError } from './error.ts';
import { EXIT_CODES, EXIT_MEANINGS, exitCodeOf } from './exit-codes.ts';
import { buildProgram } from './program.ts';
import { AGENT_VERSION } from './version.ts';

async function run(...argv: string[]): Promise<{ exitCode: number; stdout: string; stderr: string }> {
  const said = { stdout: '', stderr: '' };
  const exitCode = await runAgent(argv, {
    host: async () => nodeHost(),
    cwd: '/',
    version: AGENT_VERSION,
    root: '/nowhere',
    signal: new AbortController().signal,
    stdout: async (text) => void (said.stdout += text),
    stderr: async (text) => void (said.stderr += text),
  });
  return { exitCode, ...said };
}

describe('the command line', () => {
  it('says what there is when nothing is asked', async () => {
    const { exitCode, stdout, stderr } = await run();
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    for (const { name, summary } of COMMANDS) expect(stdout).toMatch(new RegExp(`^  ${name} +${summary}$`, 'm'));
    expect(await run('help')).toEqual(await run('--help'));
  });

  it.each([[['--version']], [['-V']], [['version']]])('tells its version: %s', async (argv) => {
    expect(await run(...argv)).toEqual({ exitCode: 0, stdout: `${AGENT_VERSION}\n`, stderr: '' });
  });

  it('has the version of its package', async () => {
    const manifest: unknown = JSON.parse(await readFile(join(import.meta.dirname, '../package.json'), 'utf8'));
    expect(manifest).toMatchObject({ version: AGENT_VERSION });
  });

  it.each(COMMANDS.map((entry) => [entry.name, entry] as const))('%s has help, also as JSON', async (name, entry) => {
    expect((await run(name, '--help')).stdout).toContain(`bowline-agent ${name}`);
    const { exitCode, stdout } = await run('help', name, '--json');
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toEqual({ help: expect.stringContaining('--json') });
    const definition = await entry.load();
    expect(definition.declare().name()).toBe(name);
    for (const example of examplesOf(definition)) await expectParses(definition, example);
  });

  it.each<[argv: string[], message: RegExp]>([
    [['run-stages'], /no command "run-stages".*\nhint: Did you mean "run-stage"/],
    [['run-stage'], /missing required argument 'name'/],
    [['run-stage', 'boot', '--dry-rum'], /unknown option '--dry-rum'.*--dry-run/s],
    [['run-stage', 'boot', '--step-timeout', 'soon'], /number of seconds/],
    [['run-stage', 'boot', '--cloud-init-paths', 'oem'], /absolute path/],
    [['status', 'more'], /too many arguments/],
  ])('refuses %j', async (argv, message) => {
    const plain = await run(...argv);
    expect(plain).toMatchObject({ exitCode: 2, stdout: '' });
    expect(plain.stderr).toMatch(message);
    expect(plain.stderr).toMatch(/\(USAGE\)\nhint: /);
    const json = await run(...argv, '--json');
    expect(JSON.parse(json.stdout)).toMatchObject({ error: { code: 'USAGE', hint: expect.any(String) } });
  });

  it.each([
    ['run-stage', 'boot', '--analyze'],
    ['run-stage', 'boot', '-a', '--strict', '--debug'],
    ['run-stage', 'boot', '-a', '--cloud-init-paths', '/a', '--cloud-init-paths', '/b', '--override-cloud-init-paths'],
    ['version', '-l'],
    ['state'],
  ])('takes what the agent of Kairos takes: %s %s %s', async (...argv) => {
    expect(await run(...argv)).toMatchObject({ exitCode: 0 });
  });
});

describe('validate', () => {
  it('accepts a configuration, with what is wrong in it', async () => {
    const path = await put('#cloud-config\nhostnam: a\nk3s: {enabled: true}\n');
    const { exitCode, stdout } = await run('validate', path);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(
      new RegExp(`^${path}: valid, 1 warning\n${path}:2:1  warning: .*hostname.*\n${path}: k3s is right but`),
    );
    expect(await run('validate', path, '--strict')).toMatchObject({ exitCode: 2 });
    const { stdout: json } = await run('validate', path, '--strict-validation', '--json');
    expect(JSON.parse(json)).toMatchObject({
      valid: false,
      files: [{ kind: 'cloud-config', problems: [{ line: 2 }] }],
    });
  });

  it.each<[what: string, text: string, exitCode: number]>([
    ['an empty file', '', 0],
    ['a list', '#cloud-config\n- a\n', 2],
    ['10 MB', `#cloud-config\n${'#'.repeat(10_000_000)}\n`, 2],
  ])('%s', async (_what, text, exitCode) => {
    expect(await run('validate', await put(text))).toMatchObject({ exitCode, stderr: '' });
  });

  it('says that a file is not there', async () => {
    expect(await run('validate', '/nowhere.yaml')).toMatchObject({
      exitCode: 2,
      stderr: expect.stringMatching(/ENOENT/),
    });
  });

  async function put(text: string): Promise<string> {
    folder = await mkdtemp(join(tmpdir(), 'bowline-validate-'));
    await writeFile(join(folder, 'a.yaml'), text);
    return join(folder, 'a.yaml');
  }
  let folder = '';
  afterEach(() => rm(folder, { recursive: true, force: true }));
});

describe('state get', () => {
  it('answers queries', async () => {
    expect(await run('state', 'get', '.boot')).toEqual({ exitCode: 0, stdout: 'unknown_boot\n', stderr: '' });
    expect(JSON.parse((await run('state', 'get', '.persistent.found', '--json')).stdout)).toBe(false);
    expect(await run('state', 'get', '.[')).toMatchObject({
      exitCode: 2,
      stderr: expect.stringMatching(/QUERY_INVALID/),
    });
  });
});

describe('exit codes', () => {
  it('are given by the code of an error', () => {
    expect(exitCodeOf(new AgentError({ code: 'USAGE', message: '' }))).toBe(2);
    expect(exitCodeOf(new AgentError({ code: 'NOT_ROOT', message: '' }))).toBe(3);
    expect(exitCodeOf(new HostError({ code: 'DISK_FULL', message: '' }))).toBe(6);
    expect(exitCodeOf(Object.assign(new Error('full'), { code: 'ENOSPC' }))).toBe(6);
    expect(exitCodeOf(new DOMException('stopped', 'AbortError'))).toBe(130);
    expect(exitCodeOf(new TypeError('a fault'))).toBe(1);
  });

  it('each have a meaning', () => {
    for (const exitCode of Object.values(EXIT_CODES)) expect(EXIT_MEANINGS).toHaveProperty(String(exitCode));
  });
});

function examplesOf(definition: CommandDefinition): readonly string[] {
  return [...definition.examples, ...(definition.commands ?? []).flatMap(examplesOf)];
}

async function expectParses(definition: CommandDefinition, example: string): Promise<void> {
  let invoked = false;
  const program = buildProgram(definition, {
    writeHelp: () => undefined,
    invoke: async () => {
      invoked = true;
    },
  });
  await program.parseAsync(example.split(' ').slice(1), { from: 'user' });
  expect(invoked, example).toBe(true);
}
