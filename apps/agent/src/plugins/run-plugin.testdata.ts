import { chmod, lstat, mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { PluginKey, Step } from '@bowline/spec';
import type { TestMachine } from '../machine/test-machine.testdata.ts';
import type { Outcome, StepPlugin } from './plugin.ts';

/** Runs all actions of a step's key, as a stage does: each whatever became of the others. Throws the first error. */
export async function runPlugin<K extends PluginKey>(
  test: TestMachine,
  plugin: StepPlugin<K>,
  config: NonNullable<Step[K]>,
  step: Step = {},
): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  const errors: unknown[] = [];
  for (const action of plugin.actions(config, { ...step, [plugin.key]: config } as Step)) {
    await action.run(test.machine).then(
      (outcome) => outcomes.push(outcome),
      (error: unknown) => errors.push(error),
    );
  }
  if (errors.length > 0) throw errors[0];
  return outcomes;
}

/** What happens when it runs twice: whether each run changed anything. */
export async function runTwice<K extends PluginKey>(
  test: TestMachine,
  plugin: StepPlugin<K>,
  config: NonNullable<Step[K]>,
  step: Step = {},
): Promise<[first: boolean, second: boolean]> {
  const first = await runPlugin(test, plugin, config, step);
  const second = await runPlugin(test, plugin, config, step);
  return [first.some(({ changed }) => changed), second.some(({ changed }) => changed)];
}

/** Text of a file of the machine. */
export function fileText(test: TestMachine, path: string): Promise<string> {
  return readFile(join(test.root, path), 'utf8');
}

/** Permission bits of a file or folder of the machine, in octal: `0644`. */
export async function modeOf(test: TestMachine, path: string): Promise<string> {
  return `0${((await lstat(join(test.root, path))).mode & 0o7777).toString(8)}`;
}

/** Puts a program into the machine: a shell script that may use `$ROOT`. */
export async function addProgram(test: TestMachine, name: string, script: string): Promise<void> {
  const path = join(test.root, '/usr/bin', name);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, `#!/bin/sh\nROOT='${test.root}'\n${script}\n`);
  await chmod(path, 0o755);
}

/** Summaries of a step, as a dry run prints them. */
export function summariesOf<K extends PluginKey>(plugin: StepPlugin<K>, config: NonNullable<Step[K]>): string[] {
  return plugin.actions(config, { [plugin.key]: config } as Step).map(({ summary }) => summary);
}
