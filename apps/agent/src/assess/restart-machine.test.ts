import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeTestMachine, type TestMachine } from '../machine/test-machine.testdata.ts';
import { restartMachine } from './restart-machine.ts';

let test: TestMachine;
beforeEach(async () => {
  test = await makeTestMachine({ files: { '/proc/sysrq-trigger': '' } });
  await mkdir(join(test.root, 'usr/bin'), { recursive: true });
});
afterEach(() => test.remove());

const program = async (name: string, exitCode = 0): Promise<void> => {
  const path = join(test.root, 'usr/bin', name);
  await writeFile(path, `#!/bin/sh\necho "${name} $*" >>${test.root}/asked\nexit ${exitCode}\n`);
  await chmod(path, 0o755);
};
const asked = () => readFile(join(test.root, 'asked'), 'utf8').catch(() => '');
const sysrq = () => readFile(join(test.root, 'proc/sysrq-trigger'), 'utf8');

describe('restarting the machine', () => {
  it('asks systemd where it runs, else the init of the base', async () => {
    await program('systemctl');
    await program('reboot');
    await restartMachine(test.machine, 0, 0);
    expect(await asked()).toBe('reboot \n');
    await mkdir(join(test.root, 'run/systemd/system'), { recursive: true });
    await restartMachine(test.machine, 0, 0);
    expect(await asked()).toBe('reboot \nsystemctl reboot\n');
  });

  it('asks the next one when systemd does not answer, and the kernel when nobody does', async () => {
    await mkdir(join(test.root, 'run/systemd/system'), { recursive: true });
    await program('systemctl', 1);
    await program('reboot', 1);
    await restartMachine(test.machine, 0, 0);
    expect(await asked()).toBe('systemctl reboot\nreboot \n');
    expect(await sysrq()).toBe('b');
  });

  it('ends when the machine goes down, without a key pressed', async () => {
    const stopper = new AbortController();
    const going = restartMachine(test.machine.withSignal(stopper.signal), 60_000);
    stopper.abort();
    await going;
    expect(await sysrq()).toBe('');
  });
});
