import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { nodeHost, type RunningProcess } from '@bowline/host';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { TestMachine } from '../machine/test-machine.testdata.ts';
import { makeStageMachine } from './stage-machine.testdata.ts';
import { readStageRecords } from './stage-record.ts';

const MAIN = join(import.meta.dirname, '../main.ts');

let test: TestMachine;
beforeEach(async () => {
  test = await makeStageMachine();
  await mkdir(join(test.root, 'oem'));
});
afterEach(async () => {
  await test.remove();
});

function configure(steps: unknown[]): Promise<void> {
  return writeFile(join(test.root, 'oem/a.yaml'), `#cloud-config\n${JSON.stringify({ stages: { boot: steps } })}\n`);
}

/** The agent in a process of its own. */
function start(...args: string[]): RunningProcess {
  const { processes } = nodeHost();
  const argv: [string, ...string[]] = [process.execPath, MAIN, ...args];
  return processes.spawn({ argv, env: { BOWLINE_ROOT: test.root }, timeoutMs: 60_000 });
}

async function textOf(running: RunningProcess): Promise<string> {
  let text = '';
  for await (const chunk of running.output) text += Buffer.from(chunk).toString();
  return text;
}

async function appears(path: string): Promise<void> {
  for (let tries = 0; tries < 400; tries += 1) {
    if (
      await readFile(join(test.root, path)).then(
        () => true,
        () => false,
      )
    )
      return;
    await sleep(25);
  }
  throw new Error(`${path} did not appear`);
}

const log = async () => (await readFile(join(test.root, 'log'), 'utf8')).trim().split('\n');

describe('stages in processes', () => {
  it('go on after kill -9 in the middle, as if they had never run', async () => {
    const wait = 'touch started; while [ ! -e go ]; do sleep 0.1; done';
    await configure([{ commands: ['echo one >> log'] }, { commands: [wait] }, { commands: ['echo three >> log'] }]);
    const first = start('run-stage', 'boot');
    await appears('started');
    process.kill(first.pid, 'SIGKILL');
    await first.exited;
    const { runs } = await readStageRecords(test.machine);
    expect(runs).toMatchObject([{ stage: 'boot', finished: false }]);
    await writeFile(join(test.root, 'go'), '');
    const second = start('run-stage', 'boot', '--json');
    const record: unknown = JSON.parse(await textOf(second));
    expect(record).toMatchObject({ finished: true, steps: [{}, {}, {}] });
    expect(await second.exited).toMatchObject({ exitCode: 0 });
    expect(await log()).toEqual(['one', 'one', 'three']);
    expect((await readStageRecords(test.machine)).runs.map(({ finished }) => finished)).toEqual([false, true]);
  });

  it('say what they did when they are stopped in the middle', async () => {
    await configure([
      { commands: ['echo one >> log'] },
      { commands: ['touch started; sleep 60'] },
      { commands: ['true'] },
    ]);
    const running = start('run-stage', 'boot');
    await appears('started');
    process.kill(running.pid, 'SIGTERM');
    expect(await running.exited).toMatchObject({ exitCode: 130 });
    const { runs } = await readStageRecords(test.machine);
    expect(runs).toMatchObject([{ finished: false, steps: [{}, { actions: [{ result: 'failed' }] }] }]);
    expect(await readdir(join(test.root, 'run/bowline'))).not.toContain('run-stage.lock');
  });

  it('run although nothing can be written down, and say so', async () => {
    await configure([{ commands: ['echo one >> log'] }]);
    for (const path of ['run/bowline/stages.json', 'var/lib/bowline'])
      await mkdir(join(test.root, path), { recursive: true });
    for (const path of ['run/bowline/documents', 'var/lib/bowline/last-good'])
      await writeFile(join(test.root, path), '');
    const running = start('run-stage', 'boot');
    await textOf(running);
    const { exitCode, stderrTail } = await running.exited;
    expect(exitCode).toBe(0);
    expect(await log()).toEqual(['one']);
    expect(stderrTail).toMatch(/record cannot be written/);
    expect(stderrTail).toMatch(/copy for bad days could not be kept/);
  });

  it('wait for each other', async () => {
    await configure([{ commands: ['echo in >> log; sleep 0.5; echo out >> log'] }]);
    const both = [start('run-stage', 'boot'), start('run-stage', 'boot')];
    const ends = await Promise.all(both.map(async (one) => (await textOf(one), await one.exited)));
    expect(ends.map(({ exitCode }) => exitCode)).toEqual([0, 0]);
    expect(await log()).toEqual(['in', 'out', 'in', 'out']);
    expect(ends.map(({ stderrTail }) => stderrTail).join('')).toContain('another stage is running');
  });

  it('exit with 1 for a failed step only when asked to', async () => {
    await configure([{ commands: ['false'] }]);
    for (const [flags, exitCode] of [
      [[], 0],
      [['--strict'], 1],
      [['--strict', '--dry-run'], 0],
    ] as const) {
      const running = start('run-stage', 'boot', ...flags);
      await textOf(running);
      expect(await running.exited).toMatchObject({ exitCode });
    }
  });

  it('read only the folders they are told to', async () => {
    await configure([{ commands: ['echo usual >> log'] }]);
    await mkdir(join(test.root, 'extra'));
    const extra = { stages: { boot: [{ commands: ['echo extra >> log'] }] } };
    await writeFile(join(test.root, 'extra/a.yaml'), `#cloud-config\n${JSON.stringify(extra)}`);
    const more = start('run-stage', 'boot', '--cloud-init-paths', '/extra');
    await textOf(more);
    expect(await log()).toEqual(['usual', 'extra']);
    await rm(join(test.root, 'log'));
    const only = start('run-stage', 'boot', '--cloud-init-paths', '/extra', '--override-cloud-init-paths');
    await textOf(only);
    expect(await log()).toEqual(['extra']);
  });

  it('start a machine with a bad configuration', async () => {
    await writeFile(join(test.root, 'oem/a.yaml'), Buffer.from([0, 1, 2]));
    await writeFile(
      join(test.root, 'oem/b.yaml'),
      '#cloud-config\nstages: {initramfs: [{files: [{path: /b, content: b}]}]}\n',
    );
    const running = start('start-up', '--json');
    const outcome: unknown = JSON.parse(await textOf(running));
    expect(await running.exited).toMatchObject({ exitCode: 0 });
    expect(outcome).toMatchObject({ stages: [{ stage: 'rootfs' }, { stage: 'initramfs', steps: [{}] }] });
    expect(await readFile(join(test.root, 'b'), 'utf8')).toBe('b');
    const status = start('status');
    expect(await textOf(status)).toContain('/oem/a.yaml: is binary; it is left out');
  });
});
