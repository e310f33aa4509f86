import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NodeProcesses } from '@bowline/host';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CommandDefinition } from './command.ts';
import { COMMANDS } from './commands/all.ts';
import { buildProgram } from './program.ts';

const MAIN = new URL('./main.ts', import.meta.url).pathname;
let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bowline-cli-'));
  await writeFile(join(folder, 'bad.yaml'), 'apiVersion: bowline/v1\nname: x\nversion: "1"\nbse: {}\n');
  await writeFile(join(folder, 'noise.img'), 'no image');
});

afterAll(async () => {
  await rm(folder, { recursive: true });
});

interface Run {
  exitCode: number;
  stdout: string;
  stderr: string;
}

/** Runs the real command line as a process of its own. */
async function bowline(words: readonly string[], env: Record<string, string> = {}): Promise<Run> {
  let stderr = '';
  const result = await new NodeProcesses().run({
    argv: [process.execPath, MAIN, ...words],
    cwd: folder,
    env: { BOWLINE_CACHE: join(folder, 'cache'), ...env },
    stderr: { kind: 'chunks', onChunk: (chunk) => void (stderr += new TextDecoder().decode(chunk)) },
    okExitCodes: Array.from({ length: 256 }, (_, code) => code),
    timeoutMs: 15_000,
  });
  return { exitCode: result.exitCode, stdout: new TextDecoder().decode(result.stdout), stderr };
}

/** Every command with the words that lead to it. */
function allCommands(): { path: string[]; definition: CommandDefinition }[] {
  return COMMANDS.flatMap((item) => {
    const name = item.declare().name();
    if (!('commands' in item)) return [{ path: [name], definition: item }];
    return item.commands.map((definition) => ({ path: [name, definition.declare().name()], definition }));
  });
}

/** Splits an example the way a shell does, as far as examples go: blanks, single quotes, and `>` ends it. */
function splitExample(line: string): string[] {
  const words: string[] = line.match(/'[^']*'|[^\s']+/g) ?? [];
  const end = words.indexOf('>');
  return (end < 0 ? words : words.slice(0, end)).map((word) => word.replace(/^'(.*)'$/, '$1'));
}

describe('every command', () => {
  it.each(allCommands().map((command) => [command.path.join(' '), command] as const))(
    '%s has examples that parse as that command',
    async (_name, { path, definition }) => {
      expect(definition.examples.length).toBeGreaterThan(0);
      for (const example of definition.examples) {
        const [program, ...words] = splitExample(example);
        const called: CommandDefinition[] = [];
        const parser = buildProgram(COMMANDS, {
          version: '0',
          colours: false,
          writeHelp: () => undefined,
          invoke: async (chosen) => void called.push(chosen),
        });
        await parser.parseAsync(words, { from: 'user' });
        expect([program, called], `${path.join(' ')}: ${example}`).toEqual(['bowline', [definition]]);
      }
    },
  );

  it.each([
    [['--help'], 0],
    [['build', '--help'], 0],
    [['help', 'boot'], 0],
    [['--version'], 0],
    [['list'], 0],
    [['validate', 'starter'], 0],
    [['validate', 'bad.yaml'], 2],
    [['validate', 'nowhere'], 2],
    [['id', 'nowhere'], 2],
    [['build', 'bad.yaml'], 2],
    [['build', 'starter', '--output', 'floppy'], 2],
    [['fetch', 'nowhere'], 2],
    [['boot', 'noise.img', '--expect', 'x'], 2],
    [['boot', 'noise.img', '--expect', '('], 2],
    [['boot', 'noise.img'], 2],
    [['inspect', 'noise.img'], 2],
    [['inspect', 'nowhere'], 2],
    [['store', 'list'], 0],
    [['store', 'import', 'nowhere'], undefined],
    [['store'], 2],
    [['keys', 'generate', 'keys'], 2],
    [['completion', 'fish'], 0],
    [['clean'], 0],
    [['test', '--quick', '--all'], 2],
    [['nonsense'], 2],
    [[], 2],
  ] as [string[], number | undefined][])('%j --json prints exactly one JSON document', async (words, exitCode) => {
    const run = await bowline([...words, '--json']);
    const document: unknown = JSON.parse(run.stdout);
    if (exitCode !== undefined) expect(run.exitCode).toBe(exitCode);
    if (run.exitCode !== 0 && words[0] !== 'validate') {
      expect(document).toMatchObject({
        error: { code: expect.stringMatching(/^[A-Z_]+$/), message: expect.any(String) },
      });
    }
  });
});

describe('bowline', () => {
  it('suggests the nearest command and option', async () => {
    expect((await bowline(['bulid', 'x'])).stderr).toContain('Did you mean build?');
    expect((await bowline(['build', 'x', '--offlin'])).stderr).toContain('Did you mean --offline?');
  });

  it('says everything that is wrong with a bowl, where, and what was meant', async () => {
    const run = await bowline(['validate', 'bad.yaml']);
    expect(run.exitCode).toBe(2);
    expect(run.stdout).toMatch(/^bad\.yaml:4:1 .*base/m);
  });

  it('checks a cloud-config as one: a machine lives with warnings, --strict does not', async () => {
    await writeFile(join(folder, 'cloud.yaml'), '#cloud-config\nrunkmd: [x]\nk3s: {enabled: true}\n');
    const lenient = await bowline(['validate', 'cloud.yaml']);
    expect(lenient.exitCode).toBe(0);
    expect(lenient.stdout).toContain('cloud.yaml:2:1  warning: unknown key "runkmd"');
    expect(lenient.stdout).toContain('k3s is right but not applied');
    const strict = await bowline(['validate', '--strict', 'cloud.yaml']);
    expect(strict.exitCode).toBe(2);
    expect(strict.stdout).toContain('cloud.yaml:2:1  unknown key "runkmd"; it has no effect (did you mean "runcmd"?)');
    const json: unknown = JSON.parse((await bowline(['validate', 'cloud.yaml', '--json'])).stdout);
    expect(json).toMatchObject({ valid: true, files: [{ kind: 'cloud-config', notApplied: [{ key: 'k3s' }] }] });
  });

  it('keeps standard output for results', async () => {
    const run = await bowline(['validate', 'starter']);
    expect([run.stdout.endsWith('bowl.yaml: valid\n'), run.stderr]).toEqual([true, '']);
    const failed = await bowline(['validate', 'nowhere']);
    expect(failed.stdout).toBe('');
    expect(failed.stderr).toContain('error: there is no bowl "nowhere"');
  });

  it('writes no terminal sequences to a pipe', async () => {
    const run = await bowline(['validate', 'nowhere'], { TERM: 'xterm-256color' });
    expect(run.stderr).not.toContain('\x1b');
  });

  it('makes a test key nobody else can read, once', async () => {
    const run = await bowline(['keys', 'generate', 'keys', '--test', '--json']);
    expect(JSON.parse(run.stdout)).toMatchObject({ subject: 'Bowline TEST key' });
    expect((await stat(join(folder, 'keys', 'test.key'))).mode & 0o777).toBe(0o600);
    expect(await readFile(join(folder, 'keys', 'test.crt'), 'utf8')).toContain('BEGIN CERTIFICATE');
    expect((await bowline(['keys', 'generate', 'keys', '--test'])).exitCode).toBe(2);
  });

  it('cleans what can be made again, and the inputs only when told to', async () => {
    const cache = join(folder, 'full-cache');
    for (const name of ['store', 'derived', 'locks']) await mkdir(join(cache, name), { recursive: true });
    const env = { BOWLINE_CACHE: cache };
    expect(JSON.parse((await bowline(['clean', '--json'], env)).stdout).removed).toContain('derived');
    expect(await readdir(cache)).toEqual(expect.arrayContaining(['locks', 'store']));
    expect(JSON.parse((await bowline(['clean', '--all', '--json'], env)).stdout).removed).toContain('store');
    expect(await readdir(cache)).not.toContain('store');
  });

  it('is quiet when its reader goes away', async () => {
    const words = [
      '-c',
      '"$0" "$1" completion bash | head -c 10; exit "${PIPESTATUS[0]}"',
      process.execPath,
      MAIN,
    ] as const;
    const result = await new NodeProcesses().run({ argv: ['bash', ...words], timeoutMs: 15_000 });
    expect(result.stderrTail).toBe('');
  });
});

describe('completion for bash', () => {
  /** The completions of a command line at its end. */
  async function complete(words: readonly string[]): Promise<string[]> {
    const { stdout } = await bowline(['completion', 'bash']);
    const path = join(folder, 'completion.bash');
    await writeFile(path, stdout);
    const script =
      'source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _bowline; printf "%s\\n" "${COMPREPLY[@]}"';
    const result = await new NodeProcesses().run({
      argv: ['bash', '--norc', '-c', script, 'bash', path, ...words],
      cwd: folder,
      timeoutMs: 15_000,
    });
    return new TextDecoder().decode(result.stdout).split('\n').filter(Boolean);
  }

  it('knows commands, subcommands, options and their values', async () => {
    expect(await complete(['bowline', 'b'])).toEqual(['build', 'boot']);
    expect(await complete(['bowline', 'store', 'ex'])).toEqual(['export']);
    expect(await complete(['bowline', 'build', 'starter', '--off'])).toEqual(['--offline']);
    expect(await complete(['bowline', 'build', 'starter', '--output', 'ra'])).toEqual(['raw', 'raw-zst']);
    expect(await complete(['bowline', 'completion', 'z'])).toEqual(['zsh']);
    expect(await complete(['bowline', 'inspect', 'noi'])).toEqual(['noise.img']);
  });
});
