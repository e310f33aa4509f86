import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { PLUGIN_KEYS } from '@bowline/spec';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { TestFiles, TestMachine } from '../machine/test-machine.testdata.ts';
import { PLUGINS } from '../plugins/registry.ts';
import { previewStage, runStage } from './run-stage.ts';
import { makeStageMachine, readFiles } from './stage-machine.testdata.ts';
import { readStageRecords } from './stage-record.ts';

let test: TestMachine;
beforeEach(async () => {
  test = await makeStageMachine();
});
afterEach(async () => {
  await test.remove();
});

const ME = hostname();

/** Writes a step that appends its word to `log`, with more keys. */
function logs(word: string, more: Record<string, unknown> = {}): Record<string, unknown> {
  return { name: word, commands: [`echo ${word} >> log`], ...more };
}

async function put(path: string, content: unknown): Promise<void> {
  const text = typeof content === 'string' ? content : `#cloud-config\n${JSON.stringify(content)}\n`;
  await mkdir(join(test.root, path, '..'), { recursive: true });
  await writeFile(join(test.root, path), text);
}

/** What the commands of the steps said, in their order. */
async function log(): Promise<string> {
  const text = await readFile(join(test.root, 'log'), 'utf8').catch(() => '');
  return text.trim().split('\n').join(' ');
}

describe('running a stage: order', () => {
  it.each<[rule: string, files: Record<string, unknown>, expected: string]>([
    ['no configuration: nothing', {}, ''],
    ['another stage: nothing', { '/oem/a.yaml': { stages: { fs: [logs('a')] } } }, ''],
    [
      'folders in their order, files by name',
      {
        '/usr/local/cloud-config/a.yaml': { stages: { boot: [logs('6')] } },
        '/oem/b.yaml': { stages: { boot: [logs('5')] } },
        '/oem/a.yaml': { stages: { boot: [logs('4')] } },
        '/run/bowline/cloud-config/x.yaml': { stages: { boot: [logs('3')] } },
        '/system/oem/a.yaml': { stages: { boot: [logs('2')] } },
        '/usr/lib/bowline/cloud-config/a.yaml': { stages: { boot: [logs('1')] } },
      },
      '1 2 3 4 5 6',
    ],
    [
      'folders below folders stand among the files by name',
      {
        '/oem/b.yaml': { stages: { boot: [logs('2')] } },
        '/oem/a/z.yml': { stages: { boot: [logs('1')] } },
        '/oem/c.yaml': { stages: { boot: [logs('3')] } },
      },
      '1 2 3',
    ],
    [
      'capitals before small letters, digits before both',
      {
        '/oem/a.yaml': { stages: { boot: [logs('3')] } },
        '/oem/B.yaml': { stages: { boot: [logs('2')] } },
        '/oem/10.yaml': { stages: { boot: [logs('1')] } },
      },
      '1 2 3',
    ],
    [
      'other files are no configurations',
      { '/oem/a.yaml.bak': { stages: { boot: [logs('x')] } }, '/oem/a.json': { stages: { boot: [logs('x')] } } },
      '',
    ],
    [
      'before and after around all files',
      {
        '/oem/a.yaml': { stages: { boot: [logs('2')], 'boot.after': [logs('4')] } },
        '/oem/b.yaml': { stages: { boot: [logs('3')], 'boot.before': [logs('1')] } },
      },
      '1 2 3 4',
    ],
    [
      'after another file, by its name',
      {
        '/oem/a.yaml': { stages: { boot: [logs('2', { after: [{ name: 'base.one' }] })] } },
        '/oem/b.yaml': { name: 'base', stages: { boot: [logs('1', { name: 'one' })] } },
      },
      '1 2',
    ],
    [
      'after another file, by its path',
      {
        '/oem/a.yaml': { stages: { boot: [logs('2', { after: [{ name: '/oem/b.yaml.0' }] })] } },
        '/oem/b.yaml': { stages: { boot: [{ commands: ['echo 1 >> log'] }] } },
      },
      '1 2',
    ],
    [
      'a cycle runs in file order',
      {
        '/oem/a.yaml': {
          name: 'a',
          stages: { boot: [logs('1', { after: [{ name: 'a.2' }] }), logs('2', { after: [{ name: 'a.1' }] })] },
        },
      },
      '1 2',
    ],
    [
      'a step that failed holds up nothing',
      { '/oem/a.yaml': { stages: { boot: [{ commands: ['false'] }, logs('1')] } } },
      '1',
    ],
    [
      'a command that failed holds up nothing',
      {
        '/oem/a.yaml': { stages: { boot: [{ commands: ['exit 3', 'echo 1 >> log', 'kill -9 $$', 'echo 2 >> log'] }] } },
      },
      '1 2',
    ],
    [
      'plugins of a step in their own order, whatever the file says',
      {
        '/oem/a.yaml': { stages: { boot: [{ commands: ['cat f >> log'], files: [{ path: '/f', content: '1\n' }] }] } },
      },
      '1',
    ],
    [
      'folders that a configuration adds',
      {
        '/oem/a.yaml': { 'cloud-init-paths': ['/more'], stages: { boot: [logs('1')] } },
        '/more/a.yaml': { stages: { boot: [logs('2')] } },
      },
      '1 2',
    ],
    [
      'a file without header is read for its stages',
      { '/oem/a.yaml': 'stages:\n  boot:\n    - commands: ["echo 1 >> log"]\n' },
      '1',
    ],
    [
      'the kernel command line comes last',
      {
        '/oem/a.yaml': { stages: { boot: [logs('1')] } },
        '/proc/cmdline': 'quiet stages.boot[0].commands[0]="echo 3 >> log" cos.setup=/setup.yaml panic=5\n',
        '/setup.yaml': { stages: { boot: [logs('2')] } },
      },
      '1 2 3',
    ],
    [
      'any name is a stage',
      { '/oem/a.yaml': { stages: { 'boot.before.before': [logs('x')], 'my stage': [logs('x')] } } },
      '',
    ],
  ])('%s', async (_rule, files, expected) => {
    for (const [path, content] of Object.entries(files)) await put(path, content);
    await runStage('boot', test.machine);
    expect(await log()).toBe(expected);
  });

  it('has the plugins in the order of the spec', () => {
    expect(Object.keys(PLUGINS)).toEqual([...PLUGIN_KEYS]);
  });
});

describe('running a stage: conditions', () => {
  const there = { '/there': 'x', '/also': 'x' };

  it.each<[condition: Record<string, unknown>, runs: boolean]>([
    [{ node: ME.slice(0, 1) }, true],
    [{ node: `^${ME}$` }, true],
    [{ node: '^no-machine-has-this-name$' }, false],
    [{ only_os: 'debian' }, true],
    [{ only_os: 'Debian GNU' }, true],
    [{ only_os: 'alpine|debian' }, true],
    [{ only_os: '(?i)DEBIAN' }, true],
    [{ only_os: 'alpine' }, false],
    [{ only_os: '' }, true],
    [{ only_os: 'debian(?!x)' }, false],
    [{ only_os: '(' }, false],
    [{ only_os_version: '^13' }, true],
    [{ only_os_version: '^12' }, false],
    [{ only_arch: process.arch === 'x64' ? 'amd64' : 'arm64' }, true],
    [{ only_arch: process.arch === 'x64' ? 'x86_64' : 'aarch64' }, true],
    [{ only_arch: 'riscv64' }, false],
    [{ only_service_manager: 'systemd' }, false],
    [{ only_service_manager: 'openrc' }, false],
    [{ only_service_manager: 'upstart' }, false],
    [{ if: 'true' }, true],
    [{ if: '[ -e there ]' }, true],
    [{ if: 'false' }, false],
    [{ if: 'exit 7' }, false],
    [{ if: 'no-such-program' }, false],
    [{ if: 'echo much; echo noise >&2; true' }, true],
    [{ if: '{{ if true }}true{{ else }}false{{ end }}' }, true],
    [{ if: '  ' }, true],
    [{ if_files: { any: ['/nowhere', '/there'] } }, true],
    [{ if_files: { any: ['/nowhere'] } }, false],
    [{ if_files: { all: ['/there', '/also'] } }, true],
    [{ if_files: { all: ['/there', '/nowhere'] } }, false],
    [{ if_files: { none: ['/nowhere'] } }, true],
    [{ if_files: { none: ['/nowhere', '/there'] } }, false],
    [{ if_files: {} }, true],
    [{ if_files: { any: ['/there'], none: ['/also'] } }, false],
    [{ only_os: 'debian', only_arch: 'riscv64' }, false],
    [{ only_os: 'debian', if: 'true', if_files: { all: ['/there'] } }, true],
  ])('%j', async (condition, runs) => {
    for (const [path, text] of Object.entries(there)) await put(path, text);
    await put('/oem/a.yaml', {
      stages: { boot: [{ ...condition, files: [{ path: '/ran/a', content: 'a' }] }, logs('b')] },
    });
    const record = await runStage('boot', test.machine);
    expect(await readFiles(test.root, 'ran')).toEqual(runs ? { a: 'a' } : {});
    expect(await log()).toBe('b');
    if (!runs) expect(record.steps[0]?.skippedBecause).toMatch(/./);
  });

  it.each([
    ['systemd', 'systemctl'],
    ['openrc', 'openrc'],
  ])('%s is known by %s', async (name, program) => {
    await put(`/usr/bin/${program}`, '#!/bin/sh\n');
    await import('node:fs/promises').then(({ chmod }) => chmod(join(test.root, 'usr/bin', program), 0o755));
    await put('/oem/a.yaml', { stages: { boot: [logs('a', { only_service_manager: name })] } });
    await runStage('boot', test.machine);
    expect(await log()).toBe('a');
  });

  it('sees what an earlier step made', async () => {
    const makes = { files: [{ path: '/made', content: '' }] };
    await put('/oem/a.yaml', { stages: { boot: [makes, logs('yes', { if_files: { all: ['/made'] } })] } });
    await runStage('boot', test.machine);
    expect(await log()).toBe('yes');
  });

  it('fails the step when a condition cannot be found out, and says so', async () => {
    await put('/oem/a.yaml', { stages: { boot: [logs('a', { if: '{{ nonsense' }), logs('b')] } });
    const record = await runStage('boot', test.machine);
    expect(await log()).toBe('b');
    expect(record.steps[0]?.actions).toMatchObject([
      { plugin: 'if', result: 'failed', error: { code: 'TEMPLATE_INVALID' } },
    ]);
  });

  it('warns of an expression that is none', async () => {
    await put('/oem/a.yaml', { stages: { boot: [logs('a', { only_os: '(?=x)' })] } });
    expect((await runStage('boot', test.machine)).warnings.join('\n')).toContain('no RE2 expression');
  });
});

describe('the record', () => {
  it('says what each action did, and nothing secret', async () => {
    const steps = [
      {
        name: 'one',
        files: [{ path: '/a', content: 'geheim', permissions: 0o600 }],
        commands: ['echo geheim; exit 3'],
      },
      { name: 'two', only_os: 'alpine', files: [{ path: '/b', content: 'geheim' }] },
    ];
    await put('/oem/a.yaml', { k3s: { enabled: true }, stages: { boot: steps } });
    const lines: string[] = [];
    await runStage('boot', test.machine, { say: (line) => lines.push(line) });
    await runStage('boot', test.machine);
    const { runs } = await readStageRecords(test.machine);
    expect(runs.map(({ stage, finished }) => [stage, finished])).toEqual([
      ['boot', true],
      ['boot', true],
    ]);
    const results = runs.map(({ steps: done }) => done[0]?.actions.map(({ plugin, result }) => `${plugin} ${result}`));
    expect(results).toEqual([
      ['files changed', 'commands failed'],
      ['files unchanged', 'commands failed'],
    ]);
    expect(runs[0]?.steps[1]).toEqual({
      stage: 'boot',
      file: '/oem/a.yaml',
      step: 'two',
      actions: [],
      skippedBecause: 'only_os: "alpine" does not match "debian" or "Debian GNU/Linux"',
    });
    expect(runs[0]?.notApplied).toEqual([expect.stringMatching(/^k3s: /)]);
    expect(lines.filter((line) => line.startsWith('<6>'))).toEqual([expect.stringContaining('/a')]);
    expect(lines.filter((line) => line.startsWith('<3>'))).toEqual([
      expect.stringMatching(/failed.*exit code 3.*STEP_FAILED/),
    ]);
    const path = join(test.root, 'run/bowline/stages.json');
    expect(`${await readFile(path, 'utf8')}${lines.join('\n')}`).not.toContain('geheim');
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });

  it('starts anew when it is damaged', async () => {
    await put('/run/bowline/stages.json', '{"runs": [');
    await runStage('boot', test.machine);
    expect((await readStageRecords(test.machine)).runs).toHaveLength(1);
  });

  it('keeps the newest runs when there are too many', async () => {
    for (let run = 0; run < 3; run += 1) await runStage(`s${run}`, test.machine);
    const { runs } = await readStageRecords(test.machine);
    const many = Array.from({ length: 200 }, () => runs[0]);
    await put('/run/bowline/stages.json', JSON.stringify({ version: 1, runs: many }));
    await runStage('last', test.machine);
    const kept = (await readStageRecords(test.machine)).runs;
    expect(kept).toHaveLength(100);
    expect(kept.at(-1)?.stage).toBe('last');
  });
});

describe('a step that hangs', () => {
  it('is stopped with all it started, and the next one runs', async () => {
    const hang = {
      name: 'hang',
      commands: ['(sleep 60; echo late >> log) & echo $! > pid; wait', 'echo never >> log'],
    };
    await put('/oem/a.yaml', { stages: { boot: [hang, logs('next')] } });
    const record = await runStage('boot', test.machine, { stepTimeoutMs: 500 });
    expect(record.steps[0]?.actions).toMatchObject([
      { result: 'failed', error: { code: 'STEP_TIMEOUT' } },
      { result: 'skipped' },
    ]);
    expect(await log()).toBe('next');
    const pid = (await readFile(join(test.root, 'pid'), 'utf8')).trim();
    // Gone, or dead and waiting for somebody who reaps it.
    const state = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => ') gone');
    expect(state).toMatch(/\) (?:gone|Z)/);
  });

  it('is stopped in its condition, too', async () => {
    await put('/oem/a.yaml', { stages: { boot: [logs('a', { if: 'sleep 60' }), logs('b')] } });
    const record = await runStage('boot', test.machine, { stepTimeoutMs: 300 });
    expect(record.steps[0]?.actions).toMatchObject([{ plugin: 'if', error: { code: 'STEP_TIMEOUT' } }]);
    expect(await log()).toBe('b');
  });
});

describe('a dry run', () => {
  it('changes nothing', async () => {
    await put('/oem/a.yaml', { stages: { boot: [logs('a', { if: 'echo x > condition' })] } });
    const before: TestFiles = await readFiles(test.root, '/');
    const { plan } = await previewStage('boot', test.machine);
    expect(plan.steps).toHaveLength(1);
    expect(await readFiles(test.root, '/')).toEqual(before);
  });

  it('shows the sequence that the real run executes', { timeout: 60_000 }, async () => {
    const condition = fc.constantFrom<Record<string, unknown>>(
      {},
      {},
      { only_os: 'debian' },
      { only_os: 'alpine' },
      { only_arch: '[' },
      { if: 'true' },
      { if_files: { none: ['/nowhere'] } },
    );
    const after = fc.option(fc.constantFrom('a.0', 'b.1', 'a.x', 'c.2', 'nowhere.1'), { nil: undefined, freq: 3 });
    const step = fc
      .tuple(condition, after, fc.constantFrom('x', undefined), fc.nat(2))
      .map(([made, wish, name, count]) => ({
        ...made,
        ...(wish === undefined ? {} : { after: [{ name: wish }] }),
        ...(name === undefined ? {} : { name }),
        files: Array.from({ length: count }, (_item, index) => ({ path: `/f/${index}`, content: '' })),
        directories: [{ path: '/d' }],
      }));
    const stage = fc.constantFrom('boot', 'boot.before', 'boot.after', 'fs');
    const stages = fc.dictionary(stage, fc.array(step, { maxLength: 4 }), { maxKeys: 3 });
    await fc.assert(
      fc.asyncProperty(fc.array(stages, { maxLength: 3 }), async (files) => {
        const names = ['a', 'b', 'c'];
        for (const [index, name] of names.entries())
          await put(`/oem/${name}.yaml`, { name, stages: files[index] ?? {} });
        const { plan } = await previewStage('boot', test.machine);
        const record = await runStage('boot', test.machine);
        const planned = plan.steps.map((one) => [one.stage, one.file, one.step, one.actions.map((a) => a.summary)]);
        const executed = record.steps.map((one) => [one.stage, one.file, one.step, one.actions.map((a) => a.summary)]);
        expect(executed).toEqual(planned);
        expect(record.steps.map((one) => one.skippedBecause)).toEqual(plan.steps.map((one) => one.skippedBecause));
      }),
      { numRuns: 40 },
    );
  });
});
